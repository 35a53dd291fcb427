//! Comments that speak to npv: `# npv: ignore[rule, rule] reason`.

use npv_models::source::Span;

/// What a comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// The names in brackets, as they are written.
    pub(super) rules: Vec<(String, Span)>,
    /// What follows the brackets; empty where nothing does.
    pub(super) reason: String,
}

/// Why a comment says nothing that npv understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) span: Span,
    pub(super) message: String,
}

/// Reads a comment, from its `#` on; `None` where it does not speak to npv.
pub(super) fn parse(text: &str, span: Span) -> Option<Result<Comment, Malformed>> {
    let text = text.trim_end();
    let after = |rest: &str| text.len() - rest.len();
    let at =
        |start: usize, end: usize| Span::new(span.source, span.start + start as u32, span.start + end as u32);
    let rest = text.trim_start_matches('#').trim_start().strip_prefix("npv:")?.trim_start();
    let wrong = |start: usize, end: usize, message: String| {
        // Something is pointed at, and never half a character.
        let first = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let end = end.max(start + first);
        Some(Err(Malformed { span: at(start, end), message }))
    };
    let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '-').unwrap_or(rest.len());
    let (word, after_word) = rest.split_at(end);
    if word != "ignore" {
        let start = after(rest);
        let message = match word {
            "" => "`npv:` says nothing here".to_owned(),
            word => format!("npv knows no comment `npv: {word}`"),
        };
        return wrong(start, start + word.len(), message);
    }
    let Some(list) = after_word.trim_start().strip_prefix('[') else {
        let start = after(rest);
        return wrong(start, start + word.len(), "this names no rule to ignore".to_owned());
    };
    let Some((names, reason)) = list.split_once(']') else {
        return wrong(after(list) - 1, text.len(), "the bracket is not closed".to_owned());
    };
    let mut rules = Vec::new();
    let mut offset = after(list);
    for name in names.split(',') {
        let start = offset + (name.len() - name.trim_start().len());
        offset += name.len() + 1;
        let name = name.trim();
        if !name.is_empty() {
            rules.push((name.to_owned(), at(start, start + name.len())));
        }
    }
    if rules.is_empty() {
        return wrong(after(list) - 1, after(reason), "this names no rule to ignore".to_owned());
    }
    let reason = reason.trim_start_matches(|char: char| {
        char.is_whitespace() || matches!(char, ':' | '-' | '\u{2013}' | '\u{2014}')
    });
    Some(Ok(Comment { rules, reason: reason.to_owned() }))
}

#[cfg(test)]
mod tests {
    use npv_models::source::SourceId;

    use super::*;

    /// Rules and reason, or what is pointed at and why.
    type Parsed = Result<(Vec<String>, String), (String, String)>;

    fn read(text: &str) -> Option<Parsed> {
        let covered = |span: Span| text[span.start as usize..span.end as usize].to_owned();
        let read = parse(text, Span::new(SourceId(0), 0, text.len() as u32))?;
        Some(match read {
            Ok(comment) => {
                for (name, span) in &comment.rules {
                    assert_eq!(*name, covered(*span), "{text}");
                }
                Ok((comment.rules.into_iter().map(|(name, _)| name).collect(), comment.reason))
            }
            Err(malformed) => Err((covered(malformed.span), malformed.message)),
        })
    }

    #[test]
    fn rules_and_their_reason() {
        let right = |rules: &[&str], reason: &str| {
            Some(Ok((rules.iter().map(|rule| (*rule).to_owned()).collect(), reason.to_owned())))
        };
        assert_eq!(read("# npv: ignore[no-policy] by design"), right(&["no-policy"], "by design"));
        assert_eq!(read("#npv:ignore[ a ,b]: see OPS-7  \r"), right(&["a", "b"], "see OPS-7"));
        assert_eq!(read("## npv:  ignore [a] - ü"), right(&["a"], "ü"));
        assert_eq!(read("# npv: ignore[a]"), right(&["a"], ""));
        assert_eq!(read("# see npv: ignore[a] x"), None, "what merely mentions npv is prose");
        assert_eq!(read("# npvx: ignore[a] x"), None);
    }

    #[test]
    fn what_is_not_understood_is_pointed_at() {
        let wrong = |text: &str| read(text).unwrap().unwrap_err();
        assert_eq!(wrong("# npv: ignor[a] x").0, "ignor");
        assert_eq!(wrong("# npv: ignore no-policy").0, "ignore");
        assert_eq!(wrong("# npv: ignore[a b").0, "[a b");
        assert_eq!(wrong("# npv: ignore[ ,] x").0, "[ ,]");
        assert_eq!(wrong("# npv:").1, "`npv:` says nothing here");
        assert_eq!(wrong("#npv:é").0, "é");
        for text in ["# npv:", "# npv: [", "# npv: ignore[", "#npv:é", "# npv: ignore[]"] {
            assert!(read(text).unwrap().is_err(), "{text}");
        }
    }
}
