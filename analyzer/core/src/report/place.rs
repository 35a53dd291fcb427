//! Files as services outside of this machine know them: by their way from the repository's top.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A source's name as a path from the directory that npv ran in; the name itself where it is elsewhere.
///
/// `directory` is absolute, with forward slashes. Services take the directory that npv runs in for the top of
/// the repository.
pub(super) fn relative<'a>(name: &'a str, directory: &str) -> Cow<'a, str> {
    if !absolute(name) && !name.split('/').any(|part| matches!(part, "." | ".." | "")) {
        return Cow::Borrowed(name);
    }
    let full = if absolute(name) { normal(name) } else { normal(&format!("{directory}/{name}")) };
    let top = normal(directory);
    let inside = full.strip_prefix(top.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    match inside {
        Some(inside) if !inside.is_empty() && !directory.is_empty() => Cow::Owned(inside.to_owned()),
        _ if absolute(name) => Cow::Borrowed(name),
        _ => Cow::Owned(full),
    }
}

/// Whether a name is a path from the root of a file system: `/a`, `C:/a`.
pub(super) fn absolute(name: &str) -> bool {
    let drive =
        |name: &str| matches!(name.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic());
    name.starts_with('/') || drive(name)
}

/// The path without `.`, `..` and doubled slashes.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// A path as a URI: relative to the top of the repository, or of the scheme `file`.
pub(super) fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    if absolute(path) {
        uri.push_str(if path.starts_with('/') { "file://" } else { "file:///" });
    }
    for byte in path.bytes() {
        // What RFC 3986 lets stand in a segment, without the colon: before the first slash it would end a scheme.
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_where_npv_ran() {
        for (name, wanted) in [
            ("deploy/a.yaml", "deploy/a.yaml"),
            ("/repo/deploy/a.yaml", "deploy/a.yaml"),
            ("/repo/./x/../deploy//a.yaml", "deploy/a.yaml"),
            ("../repo/a.yaml", "a.yaml"),
            ("../other/a.yaml", "/other/a.yaml"),
            ("../../../a.yaml", "/a.yaml"),
            ("/repository/a.yaml", "/repository/a.yaml"),
            ("deploy/../b.yaml", "b.yaml"),
            ("<stdin>", "<stdin>"),
            ("/repo", "/repo"),
        ] {
            assert_eq!(relative(name, "/repo"), wanted, "{name}");
        }
        assert_eq!(relative("C:/repo/a.yaml", "C:/repo"), "a.yaml");
        assert_eq!(relative("/a.yaml", "/"), "a.yaml");
        // A directory that cannot be told leaves everything as it is named.
        assert_eq!(relative("/repo/a.yaml", ""), "/repo/a.yaml");
    }

    #[test]
    fn uris_are_of_uri_characters_only() {
        assert_eq!(uri("deploy/a b#1?.yaml"), "deploy/a%20b%231%3F.yaml");
        assert_eq!(uri("ü\u{202e}%"), "%C3%BC%E2%80%AE%25");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
        assert_eq!(uri("a:b/c"), "a%3Ab/c");
        assert_eq!(uri("/a/b"), "file:///a/b");
        assert_eq!(uri("C:/a"), "file:///C%3A/a");
    }
}
