//! Sets of requests in words.

use std::fmt;

use serde::Serialize;

use super::super::{Language, Texts, TooLarge};
use super::diagram::{Branch, Memo, Node, Operation, Variable};
use super::{HTTP, QUESTION};

/// Requests with such a method, path, host, headers and conditions. Patterns are those of RE2, or words
/// around them such as `.* but /admin/.*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RequestText {
    /// The method, `.*` for any.
    pub method: String,
    /// The path, `.*` for any.
    pub path: String,
    /// The host, if not any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Headers that must be there (`X-Token`), have a value (`X-API-Key: k`) or match a pattern
    /// (`X-Version =~ v[0-9]+`), or not (`not X-Token`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// What else must hold, or not (`not a valid token`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
}

impl RequestText {
    fn every() -> Self {
        Self {
            method: ANY.to_owned(),
            path: ANY.to_owned(),
            host: None,
            headers: Vec::new(),
            conditions: Vec::new(),
        }
    }

    fn length(&self) -> usize {
        let lists = self.headers.iter().chain(&self.conditions).map(|text| text.len() + 4).sum::<usize>();
        // What is not said takes no room.
        let said = |text: &str| if text == ANY { 0 } else { text.len() };
        said(&self.method) + said(&self.path) + self.host.as_ref().map_or(0, |host| host.len() + 4) + lists
    }
}

fn length(boxes: &[RequestText]) -> usize {
    boxes.iter().map(RequestText::length).sum()
}

const ANY: &str = ".*";
/// A list that is longer than this says nothing to anybody, and could take forever to make.
const MAX_BOXES: usize = 1_000;
/// With more edges, boxes are not sought that reach over several of them.
const MAX_JOINED: usize = 40;

/// `GET /api/v2/.* at shop.example with X-API-Key: k and a valid token`, `every request`.
impl fmt::Display for RequestText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |text: &str| if text.contains(' ') { format!("({text})") } else { text.to_owned() };
        let mut words: Vec<String> = Vec::new();
        words.extend((self.method != ANY).then(|| bracketed(&self.method)));
        words.extend((self.path != ANY).then(|| bracketed(&self.path)));
        // What is no request but a question says so itself.
        let mut conditions = self.headers.iter().chain(&self.conditions).peekable();
        let question = conditions.next_if(|condition| condition.starts_with(QUESTION));
        let http = conditions.next_if(|condition| *condition == HTTP);
        if let Some(question) = question {
            words.push(question.clone());
        } else if words.is_empty() {
            words.push(if http.is_some() { "every HTTP request" } else { "every request" }.to_owned());
        }
        words.extend(self.host.as_ref().map(|host| format!("at {}", bracketed(host))));
        for (index, condition) in conditions.enumerate() {
            let word = if index == 0 && question.is_none() { "with" } else { "and" };
            words.push(format!("{word} {condition}"));
        }
        f.write_str(&words.join(" "))
    }
}

/// A condition or its opposite.
pub(super) fn condition(words: &str, holds: bool) -> String {
    if holds { words.to_owned() } else { format!("not {words}") }
}

/// The boxes that make up a set.
pub(super) fn boxes(root: Option<&Node>, texts: &Texts) -> Vec<RequestText> {
    let unknown = |words: String| {
        let mut every = RequestText::every();
        every.conditions.push(words);
        vec![every]
    };
    let Some(root) = root else { return unknown("patterns that are too large to decide exactly".to_owned()) };
    let cover = Cover { texts, memo: Memo::default() }.of(root);
    let Ok(mut boxes) = cover else {
        let example = root.witness().map(|request| request.to_string()).unwrap_or_default();
        return unknown(format!("one of more than {MAX_BOXES} combinations, such as {example}"));
    };
    for text in &mut boxes {
        // What has a method or a path is HTTP.
        if text.method != ANY || text.path != ANY || text.host.is_some() || !text.headers.is_empty() {
            text.conditions.retain(|condition| condition != HTTP);
        }
    }
    boxes.sort_unstable();
    boxes.dedup();
    boxes
}

struct Cover<'a> {
    texts: &'a Texts,
    /// Differences that have been made.
    memo: Memo,
}

impl Cover<'_> {
    fn of(&mut self, node: &Node) -> Result<Vec<RequestText>, TooLarge> {
        match node {
            Node::None => Ok(Vec::new()),
            Node::All => Ok(vec![RequestText::every()]),
            Node::Branch(branch) if branch.edges.len() > MAX_JOINED => {
                let mut all = Vec::new();
                for (language, child) in &branch.edges {
                    all.extend(self.behind(&branch.variable, language, child)?);
                    if all.len() > MAX_BOXES {
                        return Err(TooLarge);
                    }
                }
                Ok(all)
            }
            Node::Branch(branch) => self.joined(branch),
        }
    }

    /// Boxes that reach over all edges whose children have them: `/a; GET /b`, not `GET /a or /b; (.* but
    /// GET) /a`.
    fn joined(&mut self, branch: &Branch) -> Result<Vec<RequestText>, TooLarge> {
        let edges: Vec<&(Language, Node)> =
            branch.edges.iter().filter(|(_, child)| *child != Node::None).collect();
        // Of each edge what is said at it: its child, or what is left of it when the smaller children are
        // said for it as well. The shorter of the two.
        let mut said: Vec<(Node, bool)> = Vec::new();
        for (language, child) in &edges {
            let mut covered = Node::None;
            for (_, other) in edges.iter().filter(|(_, other)| other != child) {
                if self.is_part(other, child)? {
                    covered = Operation::Or.apply(&covered, other, &mut Memo::default())?;
                }
            }
            let rest = Operation::Minus.apply(child, &covered, &mut self.memo)?;
            let is_shorter = covered != Node::None
                && length(&self.behind(&branch.variable, language, &rest)?)
                    < length(&self.behind(&branch.variable, language, child)?);
            said.push((if is_shorter { rest } else { child.clone() }, is_shorter));
        }
        let mut all = Vec::new();
        for ((language, child), (own, _)) in edges.iter().zip(&said) {
            let (mut needed, mut possible) = (language.clone(), language.clone());
            for ((other_language, other), (_, relies)) in edges.iter().zip(&said) {
                if other != child && self.is_part(child, other)? {
                    possible = possible.union(other_language)?;
                    if *relies {
                        needed = needed.union(other_language)?;
                    }
                }
            }
            let (needed, possible) = (
                self.behind(&branch.variable, &needed, own)?,
                self.behind(&branch.variable, &possible, own)?,
            );
            all.extend(if length(&possible) < length(&needed) { possible } else { needed });
            if all.len() > MAX_BOXES {
                return Err(TooLarge);
            }
        }
        Ok(all)
    }

    fn is_part(&mut self, part: &Node, whole: &Node) -> Result<bool, TooLarge> {
        Ok(Operation::Minus.apply(part, whole, &mut self.memo)? == Node::None)
    }

    /// The boxes of a child, with the condition that leads to it.
    fn behind(
        &mut self,
        variable: &Variable,
        language: &Language,
        child: &Node,
    ) -> Result<Vec<RequestText>, TooLarge> {
        let mut boxes = self.of(child)?;
        if language.is_everything() || boxes.is_empty() {
            return Ok(boxes);
        }
        let words = match variable {
            Variable::Method | Variable::Path | Variable::Host => self.texts.describe(language),
            Variable::Header(name) => self.header(&name.written, language),
            Variable::Condition(words) => condition(words, language.contains(":")),
        };
        for text in &mut boxes {
            match variable {
                Variable::Method => text.method.clone_from(&words),
                Variable::Path => text.path.clone_from(&words),
                Variable::Host => text.host = Some(words.clone()),
                Variable::Header(_) => text.headers.insert(0, words.clone()),
                Variable::Condition(_) => text.conditions.insert(0, words.clone()),
            }
        }
        Ok(boxes)
    }

    fn header(&self, name: &str, language: &Language) -> String {
        let values = language.untagged();
        let (absent, values) =
            if language.contains("") { ("not ", values.complement()) } else { ("", values) };
        if values.is_everything() {
            return format!("{absent}{name}");
        }
        // A single value is shown as it is sent, not as a pattern.
        let single =
            values.witness().filter(|value| Language::literal(value).is_ok_and(|literal| literal == values));
        match single {
            Some(value) => format!("{absent}{name}: {value}"),
            None => format!("{absent}{name} =~ {}", self.texts.describe(&values)),
        }
    }
}
