//! From the bytes of a file to text: UTF-8 as it is, UTF-16 converted.

/// A text and what was wrong with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text; what is no character is U+FFFD.
    pub text: String,
    /// Byte offset in `text` of the first character that stands for invalid bytes.
    pub invalid: Option<usize>,
    /// What the bytes were taken for: `UTF-8`, `UTF-16LE` or `UTF-16BE`.
    pub encoding: &'static str,
}

/// Decodes bytes. UTF-16 is recognised by its byte order mark, or by a first character whose other byte is zero,
/// as YAML says; everything else is UTF-8. A UTF-8 byte order mark stays in the text, where positions ignore it.
pub fn decode(bytes: Vec<u8>) -> Decoded {
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, "UTF-16LE", u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, "UTF-16BE", u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => utf16(&bytes, "UTF-16LE", u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf16(&bytes, "UTF-16BE", u16::from_be_bytes),
        _ => match String::from_utf8(bytes) {
            Ok(text) => Decoded { text, invalid: None, encoding: "UTF-8" },
            Err(error) => Decoded {
                // Everything before the error is valid, so its offset holds for the converted text too.
                invalid: Some(error.utf8_error().valid_up_to()),
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                encoding: "UTF-8",
            },
        },
    }
}

/// A text as the bytes of a file that was decoded from such bytes: in the same encoding, with a byte order mark where
/// they have one. [`decode`] gives the text back.
pub fn encode_like(text: &str, bytes: &[u8]) -> Vec<u8> {
    let wide = |mark: &[u8], unit: fn(u16) -> [u8; 2]| {
        let mut encoded = mark.to_vec();
        encoded.extend(text.encode_utf16().flat_map(unit));
        encoded
    };
    match bytes {
        [0xFF, 0xFE, ..] => wide(&[0xFF, 0xFE], u16::to_le_bytes),
        [0xFE, 0xFF, ..] => wide(&[0xFE, 0xFF], u16::to_be_bytes),
        [first, 0, ..] if *first != 0 => wide(&[], u16::to_le_bytes),
        [0, second, ..] if *second != 0 => wide(&[], u16::to_be_bytes),
        _ => text.as_bytes().to_vec(),
    }
}

fn utf16(bytes: &[u8], encoding: &'static str, unit: fn([u8; 2]) -> u16) -> Decoded {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len() / 2);
    let mut invalid = None;
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        if character.is_err() {
            invalid.get_or_insert(text.len());
        }
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if !odd.is_empty() {
        invalid.get_or_insert(text.len());
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Decoded { text, invalid, encoding }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (String, Option<usize>, &'static str) {
        let Decoded { text, invalid, encoding } = decode(bytes.to_vec());
        (text, invalid, encoding)
    }

    #[test]
    fn encodings_are_recognised() {
        let text = "a: ü𝄞\n";
        let bytes = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let (little, big) = (bytes(u16::to_le_bytes), bytes(u16::to_be_bytes));
        assert_eq!(decoded(text.as_bytes()), (text.to_owned(), None, "UTF-8"));
        assert_eq!(decoded(&little), (text.to_owned(), None, "UTF-16LE"));
        assert_eq!(decoded(&big), (text.to_owned(), None, "UTF-16BE"));
        assert_eq!(decoded(&[&[0xFF, 0xFE], &*little].concat()), (text.to_owned(), None, "UTF-16LE"));
        assert_eq!(decoded(&[&[0xFE, 0xFF], &*big].concat()), (text.to_owned(), None, "UTF-16BE"));
        assert_eq!(decoded(b"\xEF\xBB\xBFa"), ("\u{feff}a".to_owned(), None, "UTF-8"));
        assert_eq!(decoded(b""), (String::new(), None, "UTF-8"));
        assert_eq!(decoded(b"\0\0"), ("\0\0".to_owned(), None, "UTF-8"));
    }

    #[test]
    fn texts_go_back_as_they_came() {
        let text = "a: ü𝄞\n";
        let bytes = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let (little, big) = (bytes(u16::to_le_bytes), bytes(u16::to_be_bytes));
        for bytes in [
            text.as_bytes().to_vec(),
            format!("\u{feff}{text}").into_bytes(),
            [&[0xFF, 0xFE], &*little].concat(),
            [&[0xFE, 0xFF], &*big].concat(),
            little,
            big,
            Vec::new(),
        ] {
            assert_eq!(encode_like(&decode(bytes.clone()).text, &bytes), bytes);
        }
    }

    #[test]
    fn what_is_no_character_is_marked() {
        assert_eq!(decoded(b"ab\xFFc\xFE"), ("ab\u{fffd}c\u{fffd}".to_owned(), Some(2), "UTF-8"));
        // A lone surrogate, and half a unit at the end.
        assert_eq!(decoded(b"a\0\x00\xD8b\0"), ("a\u{fffd}b".to_owned(), Some(1), "UTF-16LE"));
        assert_eq!(decoded(b"\xFF\xFEa\0b"), ("a\u{fffd}".to_owned(), Some(1), "UTF-16LE"));
    }
}
