//! The `---` lines between documents. By the grammar of YAML no scalar, however quoted, contains such a line, and
//! no JSON string contains a line break, so a text may be cut in front of any of them.

/// Whether a line, without its line break, ends a document: `---` and then nothing, blanks or a comment.
pub fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| {
        let content = rest.trim_start_matches([' ', '\t', '\r']);
        content.is_empty() || (content.len() < rest.len() && content.starts_with('#'))
    })
}

/// Where the next separator line behind `at` starts; not one that starts at `at` itself.
pub fn separator_after(text: &str, at: usize) -> Option<usize> {
    let rest = text.as_bytes().get(at..)?;
    memchr::memmem::find_iter(rest, b"\n---").map(|found| at + found + 1).find(|&start| {
        let line = text.get(start..).and_then(|rest| rest.lines().next());
        line.is_some_and(is_separator)
    })
}

/// The offset of the first character from `at` on that is neither blank nor a byte order mark.
pub(super) fn skip_blank(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let content = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{feff}']);
    at + (rest.len() - content.len())
}

/// Where the content of the first document from `at` on starts: behind blanks and separator lines, but not
/// behind comments.
pub fn content_start(text: &str, at: usize) -> usize {
    let mut at = skip_blank(text, at);
    while let Some(rest) = text.get(at..)
        && (at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n'))
        && let Some(line) = rest.lines().next()
        && is_separator(line)
    {
        at = skip_blank(text, at + line.len());
    }
    at
}
