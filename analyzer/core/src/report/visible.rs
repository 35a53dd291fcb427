//! Names are data: nothing in a manifest may move a cursor, hide a character or break a line of output.

use std::borrow::Cow;

/// Whether a character would act on the terminal, or on the text around it, instead of being seen.
fn acts(character: char) -> bool {
    character.is_control()
        // No characters, in any plane; XML does not even know the first two.
        || u32::from(character) & 0xfffe == 0xfffe
        || matches!(
            character,
            // Invisible, or changing the direction of what follows.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                // Tags: a whole invisible alphabet.
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text with every character that is not seen written as an escape: `\n`, `\u{1b}`, `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            character if acts(character) => shown.extend(character.escape_unicode()),
            character => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Lines of a manifest, safe to print: every character that is not seen gives way to a visible one of the
/// same number of bytes, so that offsets stay what they are. Line breaks and tabs are kept.
pub(super) fn visible_source(text: &str) -> Cow<'_, str> {
    let hidden = |character: char| acts(character) && !matches!(character, '\n' | '\r' | '\t');
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|character| match (hidden(character), character.len_utf8()) {
        (false, _) => character,
        (true, 1) => '?',
        (true, 2) => '\u{b7}',
        (true, 3) => '\u{fffd}',
        (true, _) => '\u{1f5cc}',
    });
    Cow::Owned(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal() {
        assert_eq!(visible("web[Deployment] ü €"), "web[Deployment] ü €");
        assert_eq!(visible("a\nb\u{1b}[31m\u{202e}\u{9b}\u{7f}"), "a\\nb\\u{1b}[31m\\u{202e}\\u{9b}\\u{7f}");
    }

    #[test]
    fn what_is_no_character_is_seen() {
        assert_eq!(visible("\u{fffd}\u{fffe}\u{1ffff}"), "\u{fffd}\\u{fffe}\\u{1ffff}");
    }

    #[test]
    fn sources_keep_their_offsets() {
        let hostile = "a: \"\u{1b}\u{9b}\u{202e}\u{e0041}\"\r\n\tb: ü";
        let shown = visible_source(hostile);
        assert_eq!(shown.len(), hostile.len());
        assert_eq!(shown.find("b: ü"), hostile.find("b: ü"));
        assert!(!shown.chars().any(|c| acts(c) && !matches!(c, '\r' | '\n' | '\t')));
    }
}
