//! The candidates, each with the least decoder that does what npv needs: a tree with a span for every node.

use std::borrow::Cow;

use npv_models::source::SourceId;
use npv_models::yaml;

/// A reader: takes a chunk of the text and says how many nodes it found.
pub(crate) struct Candidate {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// `yaml` or `json`.
    pub(crate) input: &'static str,
    /// What it knows of positions.
    pub(crate) positions: &'static str,
    /// Reads a chunk.
    pub(crate) read: fn(&str) -> Result<usize, String>,
}

pub(crate) const ALL: &[Candidate] = &[
    Candidate { name: "granit-parser 2.1 events", input: "yaml", positions: "bytes", read: granit_events },
    Candidate { name: "granit-parser 2.1 tree", input: "yaml", positions: "bytes", read: granit_tree },
    Candidate {
        name: "saphyr-parser 0.3 events",
        input: "yaml",
        positions: "characters",
        read: saphyr_events,
    },
    Candidate { name: "saphyr-parser 0.3 tree", input: "yaml", positions: "characters", read: saphyr_tree },
    Candidate { name: "serde_yaml_ng 0.10 value", input: "yaml", positions: "none", read: serde_yaml_value },
    Candidate {
        name: "serde-saphyr 2.0 spanned",
        input: "yaml",
        positions: "lines, bytes",
        read: serde_saphyr_spanned,
    },
    Candidate { name: "npv yaml::read_each", input: "yaml", positions: "bytes", read: npv },
    Candidate { name: "serde_json value", input: "json", positions: "none", read: serde_json_value },
    Candidate { name: "jiter 0.18 tree", input: "json", positions: "bytes", read: jiter_tree },
    Candidate { name: "npv yaml::read_each", input: "json", positions: "bytes", read: npv },
];

fn npv(text: &str) -> Result<usize, String> {
    let mut count = 0;
    let remarks = yaml::read_each(SourceId(0), text, 0, |_| count += 1);
    match remarks.problems.first() {
        Some(problem) => Err(problem.message.clone()),
        None => Ok(count),
    }
}

type Range = (usize, usize);

/// The same tree for every candidate, so that only the readers differ.
#[expect(dead_code, reason = "it is built for the time that takes, not to be looked at")]
enum Value {
    Plain(Box<str>),
    Quoted(Box<str>),
    Seq(Vec<(Value, Range)>),
    Map(Vec<(Value, Range)>),
}

/// The children so far, whether it is a mapping, and where it starts.
type Open = (Vec<(Value, Range)>, bool, usize);

/// Collects values: keys and values of mappings alternate.
#[derive(Default)]
struct Tree {
    stack: Vec<Open>,
    roots: Vec<(Value, Range)>,
}

impl Tree {
    fn put(&mut self, value: Value, range: Range) {
        self.stack.last_mut().map_or(&mut self.roots, |frame| &mut frame.0).push((value, range));
    }

    fn scalar(&mut self, text: Cow<'_, str>, plain: bool, range: Range) {
        self.put(if plain { Value::Plain(text.into()) } else { Value::Quoted(text.into()) }, range);
    }

    fn open(&mut self, map: bool, start: usize) {
        self.stack.push((Vec::new(), map, start));
    }

    fn close(&mut self, end: usize) {
        if let Some((items, map, start)) = self.stack.pop() {
            self.put(if map { Value::Map(items) } else { Value::Seq(items) }, (start, end));
        }
    }
}

fn granit(text: &str) -> granit_parser::Parser<'_, granit_parser::StrInput<'_>> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    granit_parser::Parser::new_from_str_with_options(text, options)
}

fn granit_events(text: &str) -> Result<usize, String> {
    granit(text).try_fold(0, |count, event| event.map(|_| count + 1)).map_err(|error| error.to_string())
}

fn granit_tree(text: &str) -> Result<usize, String> {
    use granit_parser::{Event, ScalarStyle};
    let mut tree = Tree::default();
    for event in granit(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let range = span.byte_range().unwrap_or_default();
        match event {
            Event::Scalar(text, style, ..) => {
                tree.scalar(text, style == ScalarStyle::Plain, (range.start, range.end));
            }
            Event::SequenceStart(..) => tree.open(false, range.start),
            Event::MappingStart(..) => tree.open(true, range.start),
            Event::SequenceEnd | Event::MappingEnd => tree.close(range.end),
            _ => {}
        }
    }
    Ok(tree.roots.len())
}

fn saphyr_events(text: &str) -> Result<usize, String> {
    let mut parser = saphyr_parser::Parser::new_from_str(text);
    parser.try_fold(0, |count, event| event.map(|_| count + 1)).map_err(|error| error.to_string())
}

fn saphyr_tree(text: &str) -> Result<usize, String> {
    use saphyr_parser::{Event, ScalarStyle};
    let mut tree = Tree::default();
    for event in saphyr_parser::Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let range = (span.start.index(), span.end.index());
        match event {
            Event::Scalar(text, style, ..) => tree.scalar(text, style == ScalarStyle::Plain, range),
            Event::SequenceStart(..) => tree.open(false, range.0),
            Event::MappingStart(..) => tree.open(true, range.0),
            Event::SequenceEnd | Event::MappingEnd => tree.close(range.1),
            _ => {}
        }
    }
    Ok(tree.roots.len())
}

fn serde_yaml_value(text: &str) -> Result<usize, String> {
    use serde::Deserialize;
    let mut documents = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        documents.push(serde_yaml_ng::Value::deserialize(document).map_err(|error| error.to_string())?);
    }
    Ok(documents.len())
}

#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "read for the time that takes")]
struct Pod {
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "read for the time that takes")]
struct Metadata {
    name: serde_saphyr::Spanned<String>,
    namespace: serde_saphyr::Spanned<String>,
    labels: std::collections::BTreeMap<String, serde_saphyr::Spanned<String>>,
}

#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "read for the time that takes")]
struct Spec {
    containers: Vec<Container>,
}

#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "read for the time that takes")]
struct Container {
    name: String,
}

/// Only the fields that npv needs: the rest is skipped, but the parser underneath sees it all.
fn serde_saphyr_spanned(text: &str) -> Result<usize, String> {
    let options = serde_saphyr::options! { budget: None };
    let pods = serde_saphyr::from_multiple_with_options::<Pod>(text, options);
    pods.map(|pods| pods.len()).map_err(|error| error.to_string())
}

fn serde_json_value(text: &str) -> Result<usize, String> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    values.collect::<Result<Vec<_>, _>>().map(|values| values.len()).map_err(|error| error.to_string())
}

fn jiter_tree(text: &str) -> Result<usize, String> {
    let mut jiter = jiter::Jiter::new(text.as_bytes());
    let mut tree = Tree::default();
    while jiter.finish().is_err() {
        let peek = jiter.peek().map_err(|error| error.to_string())?;
        jiter_value(&mut jiter, peek, &mut tree).map_err(|error| error.to_string())?;
    }
    Ok(tree.roots.len())
}

fn jiter_value(jiter: &mut jiter::Jiter<'_>, peek: jiter::Peek, tree: &mut Tree) -> jiter::JiterResult<()> {
    let start = jiter.current_index();
    match peek {
        jiter::Peek::Object => {
            tree.open(true, start);
            let mut key = jiter.known_object()?.map(str::to_owned);
            while let Some(text) = key {
                let end = jiter.current_index();
                tree.scalar(text.into(), true, (start, end));
                let peek = jiter.peek()?;
                jiter_value(jiter, peek, tree)?;
                key = jiter.next_key()?.map(str::to_owned);
            }
            tree.close(jiter.current_index());
        }
        jiter::Peek::Array => {
            tree.open(false, start);
            let mut next = jiter.known_array()?;
            while let Some(peek) = next {
                jiter_value(jiter, peek, tree)?;
                next = jiter.array_step()?;
            }
            tree.close(jiter.current_index());
        }
        jiter::Peek::String => {
            let text: Box<str> = jiter.known_str()?.into();
            tree.put(Value::Quoted(text), (start, jiter.current_index()));
        }
        other => {
            jiter.known_skip(other)?;
            tree.scalar(Cow::Borrowed("0"), true, (start, jiter.current_index()));
        }
    }
    Ok(())
}
