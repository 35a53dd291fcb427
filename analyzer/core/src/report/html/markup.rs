//! Data inside of markup.

use std::fmt::{self, Display};
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::report::visible;

/// JSON without any character that means something to HTML or to JavaScript.
struct Inert;

impl Formatter for Inert {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut characters = from.chars();
            if let Some(character) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    /// All that JSON writes of its own means nothing to either, so that escapes end up in strings alone.
    fn write_raw_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.write_string_fragment(writer, fragment)
    }
}

/// Writes a value as JSON that may stand in a `script` element.
///
/// # Errors
/// What the stream returns.
pub(super) fn json<T: Serialize>(out: &mut dyn io::Write, value: &T) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Inert)).map_err(io::Error::from)
}

/// Text between tags or in a quoted attribute.
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in visible(&self.0.to_string()).chars() {
            match character {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                character => fmt::Write::write_char(f, character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    const HOSTILE: &str = "</script><!--<script>alert(\"1\" & '2')\u{2028}\u{2029}\u{202e}\u{0}-->";

    #[test]
    fn json_stays_json_and_is_no_markup() {
        let mut out = Vec::new();
        json(&mut out, &[HOSTILE]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [HOSTILE]);
    }

    #[test]
    fn json_in_json_is_no_markup_either() {
        let raw = RawValue::from_string(serde_json::to_string(&[HOSTILE]).unwrap()).unwrap();
        let mut out = Vec::new();
        json(&mut out, &[raw]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
        assert_eq!(serde_json::from_str::<Vec<Vec<String>>>(&text).unwrap(), [[HOSTILE]]);
    }

    #[test]
    fn text_is_no_markup() {
        let text = Text(HOSTILE).to_string();
        assert!(!text.contains(['<', '>', '"', '\'', '\u{202e}', '\u{0}']), "{text}");
        assert!(text.starts_with("&lt;/script&gt;"));
    }
}
