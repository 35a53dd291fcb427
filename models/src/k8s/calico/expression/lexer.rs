//! Tokens of a selector, with their places in the text (C-30).

use std::ops::Range;

use super::SyntaxError;

/// Longest name of a label that Calico reads, in bytes.
const LABEL_LENGTH: usize = 512;

pub(super) const NO_OPERATOR: &str = "expected an operator behind the label";
pub(super) const OPERATORS_ARE: &str = "the operators are `==`, `!=`, `in`, `not in`, `contains`, `starts with` and `ends with`; that a label is there, whatever its value, is `has(label)`";

/// A token and the bytes that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) at: Range<usize>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// The name of a label.
    Label(&'t str),
    /// A value, without its quotes.
    Value(&'t str),
    /// `has(label)`.
    Has(&'t str),
    All,
    Global,
    Equal,
    NotEqual,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    Not,
    And,
    Or,
    OpenBrace,
    CloseBrace,
    Comma,
    Open,
    Close,
}

impl Kind<'_> {
    /// Whether a term may end with it.
    const fn ends_term(self) -> bool {
        matches!(
            self,
            Self::Value(_) | Self::Has(_) | Self::All | Self::Global | Self::CloseBrace | Self::Close
        )
    }
}

/// Takes a text apart as Calico does: between tokens stand spaces and tabs and nothing else.
///
/// # Errors
/// The first place that is no token, with what was probably meant.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens: Vec<Token<'_>> = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let Some(first) = lexer.rest().chars().next() else { return Ok(tokens) };
        let kind = lexer.token(first, tokens.last().map(|token| token.kind))?;
        tokens.push(Token { kind, at: start..lexer.at });
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        self.at += blanks(self.rest());
    }

    /// Skips the word; false where it is not the next.
    fn take(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn token(&mut self, first: char, previous: Option<Kind<'_>>) -> Result<Kind<'t>, SyntaxError> {
        const FIXED: [(&str, Kind<'static>); 10] = [
            ("==", Kind::Equal),
            ("!=", Kind::NotEqual),
            ("!", Kind::Not),
            ("&&", Kind::And),
            ("||", Kind::Or),
            ("{", Kind::OpenBrace),
            ("}", Kind::CloseBrace),
            (",", Kind::Comma),
            ("(", Kind::Open),
            (")", Kind::Close),
        ];
        let fixed = FIXED.iter().find(|(word, _)| self.rest().starts_with(word));
        if let Some((word, kind)) = fixed {
            self.at += word.len();
            return Ok(*kind);
        }
        match first {
            '\'' | '"' => self.value(first),
            '=' => Err(self.wrong(1, "expected `==`").help("Calico writes `label == 'value'`")),
            '&' => Err(self.wrong(1, "expected `&&`")),
            '|' => Err(self.wrong(1, "expected `||`")),
            '\n' | '\r' => Err(self.wrong(1, "a line break ends no part of a selector: Calico reads spaces and tabs only").help(
                "write the selector on one line, or behind `>-`, which joins lines; `|` and `>` keep a line break at the end",
            )),
            // Only behind the name of a label can there be an operator of letters.
            _ if matches!(previous, Some(Kind::Label(_))) => self.operator(),
            _ => match previous.filter(|previous| previous.ends_term()).and(self.connective()) {
                Some(error) => Err(error),
                None => self.word(first),
            },
        }
    }

    /// A text in quotes. Nothing in it is an escape.
    fn value(&mut self, quote: char) -> Result<Kind<'t>, SyntaxError> {
        let inside = self.rest().get(1..).unwrap_or_default();
        let Some(length) = inside.find(quote) else {
            let error = self.wrong(self.rest().len(), "this value has no closing quote");
            return Err(error.help(
                "values know no escapes: put one that holds `'` into `\"`, and one that holds `\"` into `'`",
            ));
        };
        self.at += length + 2;
        Ok(Kind::Value(inside.get(..length).unwrap_or_default()))
    }

    /// An operator of letters, which stands behind a label.
    fn operator(&mut self) -> Result<Kind<'t>, SyntaxError> {
        const OPERATORS: [(&[&str], Kind<'static>); 5] = [
            (&["contains"], Kind::Contains),
            (&["starts", "with"], Kind::StartsWith),
            (&["ends", "with"], Kind::EndsWith),
            (&["not", "in"], Kind::NotIn),
            (&["in"], Kind::In),
        ];
        for (words, kind) in OPERATORS {
            if let Some(length) = operator_length(self.rest(), words) {
                self.at += length;
                return Ok(kind);
            }
        }
        let length = word_length(self.rest()).max(1);
        Err(self.wrong(length, NO_OPERATOR).help(OPERATORS_ARE))
    }

    /// What is wrong where a word of another language connects two terms.
    fn connective(&self) -> Option<SyntaxError> {
        let word = self.rest().get(..word_length(self.rest()))?;
        let meant = match word {
            "and" | "AND" => "&&",
            "or" | "OR" => "||",
            _ => return None,
        };
        let error = self.wrong(word.len(), "expected `&&` or `||` between two terms");
        Some(error.help(format!("Calico writes `{meant}` for *{word}*")))
    }

    /// `has(..)`, `all()`, `global()` or the name of a label.
    fn word(&mut self, first: char) -> Result<Kind<'t>, SyntaxError> {
        for (word, kind) in [("all(", Kind::All), ("global(", Kind::Global)] {
            if self.take(word) {
                self.skip_blanks();
                if self.take(")") {
                    return Ok(kind);
                }
                return Err(self.wrong(1, format!("expected `)`: `{word})` takes nothing")));
            }
        }
        if self.take("has(") {
            self.skip_blanks();
            let label = self.label()?;
            self.skip_blanks();
            if self.take(")") {
                return Ok(Kind::Has(label));
            }
            return Err(self.wrong(1, "expected `)`: `has(..)` takes one label"));
        }
        if !is_of_label(first) {
            let error = self.wrong(first.len_utf8(), "this is no part of a selector");
            return Err(
                error.help("a selector is made of labels and tests, such as `app == 'web' && has(tier)`")
            );
        }
        Ok(Kind::Label(self.label()?))
    }

    fn label(&mut self) -> Result<&'t str, SyntaxError> {
        let rest = self.rest();
        let length = word_length(rest);
        if length == 0 {
            let error = self.wrong(1, "expected the name of a label");
            return Err(error.help("names of labels stand without quotes"));
        }
        if length > LABEL_LENGTH {
            let message = format!("the name of a label must be no longer than {LABEL_LENGTH} characters");
            return Err(self.wrong(length, message));
        }
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    fn wrong(&self, length: usize, message: impl Into<String>) -> SyntaxError {
        let mut end = (self.at + length).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        SyntaxError { at: self.at..end, message: message.into(), help: None }
    }
}

/// Number of spaces and tabs that a text starts with.
fn blanks(text: &str) -> usize {
    text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

fn word_length(text: &str) -> usize {
    text.bytes().take_while(|byte| is_of_label(char::from(*byte))).count()
}

fn is_of_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-')
}

/// How long the operator is that a text starts with. Between its words there may be blanks or none; behind the
/// last one, and blanks behind that, no label may follow where it has more than one word, as Calico has it.
fn operator_length(text: &str, words: &[&str]) -> Option<usize> {
    let mut length = 0;
    let mut rest = text;
    for word in words {
        rest = rest.strip_prefix(word)?;
        length += word.len();
        if words.len() > 1 {
            let blanks = blanks(rest);
            length += blanks;
            rest = rest.get(blanks..)?;
        }
    }
    (!rest.starts_with(is_of_label)).then_some(length)
}
