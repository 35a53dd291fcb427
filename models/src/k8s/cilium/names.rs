//! Names and patterns of names in `toFQDNs` and in DNS rules.

use std::fmt;

use super::super::Spanned;
use super::super::read::{Path, Reader, fault};
use super::super::syntax::Malformed;
use super::{STRICT, exactly_one};
use crate::yaml::{Entry, Node};

/// Longest name and pattern, in bytes.
const LONGEST: usize = 255;

/// A name, or a pattern of names (K-41).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DomainPattern {
    /// `matchName`, in lower case and without the final dot.
    Name(Box<str>),
    /// `matchPattern`, in lower case and without the final dot. `*` stands for any characters but a dot, a leading
    /// `**.` for one label or more; stars alone for every name.
    Pattern(Box<str>),
}

impl DomainPattern {
    /// As it is written, but in lower case.
    pub fn text(&self) -> &str {
        match self {
            Self::Name(text) | Self::Pattern(text) => text,
        }
    }

    /// Whether every name matches.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Pattern(text) if text.bytes().all(|byte| byte == b'*'))
    }

    /// Whether a name, in lower case and without a final dot, matches.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(wanted) => **wanted == *name,
            Self::Pattern(_) if self.is_everything() => true,
            Self::Pattern(pattern) => {
                let bare = pattern.trim_start_matches('*');
                let stars = pattern.len() - bare.len();
                match bare.strip_prefix('.') {
                    // One label or more stand for the stars.
                    Some(rest) if stars > 1 => name.match_indices('.').any(|(dot, _)| {
                        let (labels, parent) = name.split_at(dot);
                        labels.split('.').all(|label| !label.is_empty())
                            && glob(rest.as_bytes(), parent.as_bytes().get(1..).unwrap_or_default())
                    }),
                    _ => glob(pattern.as_bytes(), name.as_bytes()),
                }
            }
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Whether a text matches a pattern in which `*` stands for any characters but dots.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut here) = (0, 0);
    // Where the last star was, and how far into the text it reaches.
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), text.get(here)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((at, here));
                at += 1;
            }
            (Some(wanted), Some(byte)) if wanted == byte => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((star_at, reach)) = star else { return false };
                if text.get(reach).is_none_or(|byte| *byte == b'.') {
                    return false;
                }
                star = Some((star_at, reach + 1));
                (at, here) = (star_at + 1, reach + 1);
            }
        }
    }
}

/// Reads a list of names and patterns.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
) -> Vec<Spanned<DomainPattern>> {
    let mut patterns = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no name, which the API server refuses");
        } else {
            patterns.extend(read_one(reader, &path, item).map(|pattern| Spanned::new(pattern, item.span)));
        }
    }
    patterns
}

/// Reads `matchName` or `matchPattern`.
pub(super) fn read_one(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<DomainPattern> {
    let before = reader.count();
    let [name, pattern] = reader.fields(path, item, ["matchName", "matchPattern"], STRICT);
    if reader.count() > before && name.is_none() && pattern.is_none() {
        return None;
    }
    let first = exactly_one(reader, path, item.span, "`matchName` and `matchPattern`", &[name, pattern]);
    let mut read = |entry: &Entry, stars| {
        let path = path.field(&entry.key);
        let text = reader.text(&path, &entry.value)?;
        if let Err(wrong) = check(text, stars) {
            reader.malformed(&path, entry.value.span, text, wrong);
            return None;
        }
        Some(text.trim_end_matches('.').to_ascii_lowercase().into())
    };
    let name = name.map(|entry| read(entry, false).map(DomainPattern::Name));
    let pattern = pattern.map(|entry| read(entry, true).map(DomainPattern::Pattern));
    first.and(name.or(pattern)).flatten()
}

/// What the schema demands of a name, and of a pattern, which may have stars.
pub(super) fn check(text: &str, stars: bool) -> Result<(), Malformed> {
    let valid =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || stars && byte == b'*';
    let name = text.strip_suffix('.').unwrap_or(text);
    if text.len() > LONGEST {
        return Err(Malformed::new(format!("must be no longer than {LONGEST} characters")));
    }
    if name.split('.').all(|label| !label.is_empty() && label.bytes().all(valid)) {
        return Ok(());
    }
    let wrong = Malformed::new(match (stars, name.contains('*')) {
        (true, _) => "must consist of letters, digits, `-`, `_` and `*` between dots",
        (false, true) => "is a name, in which `*` has no meaning: a pattern goes into `matchPattern`",
        (false, false) => "must consist of letters, digits, `-` and `_` between dots",
    });
    let host = text.split_once("://").map(|(_, rest)| rest.split(['/', ':']).next().unwrap_or_default());
    Err(match host {
        Some(host) if check(host, stars).is_ok() => wrong.instead(host),
        _ => wrong,
    })
}

/// Reads `serverNames`: distinct patterns, at least one where the list is there.
pub(super) fn read_server_names(reader: &mut Reader<'_>, path: &Path<'_>, list: &Entry) {
    let items = reader.items(path, &list.value);
    if items.is_empty() && reader.findings.last().is_none_or(|last| last.span() != Some(list.value.span)) {
        reader.report(fault("invalid-policy", path, list.value.span, format!("`{path}` is empty")));
    }
    for (index, item) in items.iter().enumerate() {
        let first = items.iter().take(index).find(|first| first.as_str() == item.as_str());
        let path = path.item(index);
        let Some(text) = reader.text(&path, item) else { continue };
        if let Err(wrong) = check(text, true) {
            reader.malformed(&path, item.span, text, wrong);
        } else if let Some(first) = first {
            reader.report(
                fault("invalid-policy", &path, item.span, format!("`{text}` is there twice"))
                    .related(first.span, "first here"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> DomainPattern {
        DomainPattern::Pattern(text.into())
    }

    #[test]
    fn a_star_stays_within_its_label() {
        for (text, name, matches) in [
            ("*.cilium.io", "www.cilium.io", true),
            ("*.cilium.io", "cilium.io", false),
            ("*.cilium.io", "a.b.cilium.io", false),
            ("*cilium.io", "cilium.io", true),
            ("*cilium.io", "subcilium.io", true),
            ("*cilium.io", "www.cilium.io", false),
            ("sub*.cilium.io", "sub.cilium.io", true),
            ("sub*.cilium.io", "subdomain.cilium.io", true),
            ("sub*.cilium.io", "www.cilium.io", false),
            ("a*b*c.io", "axxbyyc.io", true),
            ("a*b*c.io", "ab.c.io", false),
            ("*.*.io", "a.b.io", true),
            // One label, which may be empty, stands for a star in front of a dot.
            ("*.io", ".io", true),
        ] {
            assert_eq!(pattern(text).matches(name), matches, "{text} {name}");
        }
    }

    #[test]
    fn two_stars_in_front_stand_for_any_depth() {
        for (text, name, matches) in [
            ("**.cilium.io", "app.cilium.io", true),
            ("**.cilium.io", "test.app.cilium.io", true),
            ("**.cilium.io", "cilium.io", false),
            ("***.cilium.io", "a.b.c.cilium.io", true),
            ("**.s3.*.io", "a.b.s3.eu.io", true),
            ("**.s3.*.io", "a.b.s3.eu.west.io", false),
            ("**cilium.io", "a.cilium.io", false),
            ("**cilium.io", "xcilium.io", true),
        ] {
            assert_eq!(pattern(text).matches(name), matches, "{text} {name}");
        }
        assert!(pattern("*").matches("a.b.c") && pattern("**").matches("a"));
        let name = DomainPattern::Name("a.io".into());
        assert!(name.matches("a.io") && !name.matches("b.a.io"));
    }
}
