//! What a format writes on: a stream, and how the stream may look.

use std::fmt::{self, Display};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

/// How output may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Look {
    /// Colours and bold type, as ANSI escape sequences.
    pub color: bool,
    /// Columns of the terminal; `None` where lines may be as long as they like.
    pub width: Option<usize>,
}

/// The styles of text output: few, and each with one meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Names of groups and headings.
    Heading,
    /// What is allowed.
    Allowed,
    /// What is denied.
    Denied,
    /// What is uncertain or worth a second look.
    Caution,
    /// Places: files, lines, columns.
    Place,
    /// What is there for orientation only.
    Faint,
}

impl Ink {
    pub(super) const fn style(self) -> Style {
        match self {
            Self::Heading => Style::new().bold(),
            Self::Allowed => AnsiColor::Green.on_default(),
            Self::Denied => AnsiColor::Red.on_default().bold(),
            Self::Caution => AnsiColor::Yellow.on_default(),
            Self::Place => AnsiColor::Cyan.on_default(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// A stream with a look.
pub struct Page<'w> {
    out: &'w mut dyn Write,
    look: Look,
}

impl<'w> Page<'w> {
    /// A page on a stream.
    pub fn new(out: &'w mut dyn Write, look: Look) -> Self {
        Self { out, look }
    }

    /// How the page may look.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Text in a style, where the page may have one.
    pub fn ink<T: Display>(&self, ink: Ink, text: T) -> Inked<T> {
        Inked { style: self.look.color.then(|| ink.style()), text }
    }
}

impl Write for Page<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Text in a style.
#[derive(Clone, Copy, Debug)]
pub struct Inked<T> {
    style: Option<Style>,
    text: T,
}

impl<T: Display> Display for Inked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.style {
            Some(style) => write!(f, "{style}{}{style:#}", self.text),
            None => self.text.fmt(f),
        }
    }
}
