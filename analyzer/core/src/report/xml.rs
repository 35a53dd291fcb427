//! XML 1.0, as much as a report needs: elements, attributes and text.

use std::borrow::Cow;
use std::io::{self, Write};

use super::Page;
use super::visible::visible;

/// Writes elements one below the other, each indented by its depth.
pub(super) struct Xml<'p, 'w> {
    page: &'p mut Page<'w>,
    open: Vec<&'static str>,
}

impl<'p, 'w> Xml<'p, 'w> {
    /// Starts a document.
    pub(super) fn new(page: &'p mut Page<'w>) -> io::Result<Self> {
        writeln!(page, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        Ok(Self { page, open: Vec::new() })
    }

    /// Opens an element that other elements are in.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.tag(name, attributes)?;
        self.open.push(name);
        writeln!(self.page, ">")
    }

    /// Closes the element that was opened last.
    pub(super) fn close(&mut self) -> io::Result<()> {
        match self.open.pop() {
            Some(name) => {
                self.indent()?;
                writeln!(self.page, "</{name}>")
            }
            None => Ok(()),
        }
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.tag(name, attributes)?;
        writeln!(self.page, "/>")
    }

    /// An element with lines of text in it.
    pub(super) fn text(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        lines: &[String],
    ) -> io::Result<()> {
        self.tag(name, attributes)?;
        let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
        writeln!(self.page, ">{}</{name}>", lines.join("\n"))
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.indent()?;
        write!(self.page, "<{name}")?;
        attributes.iter().try_for_each(|(key, value)| write!(self.page, " {key}=\"{}\"", escape(value)))
    }

    fn indent(&mut self) -> io::Result<()> {
        write!(self.page, "{:width$}", "", width = 2 * self.open.len())
    }
}

/// Text as content and as the value of an attribute. Characters that XML does not know at all, not even by
/// number, are written as `\u{..}`, like all that are not seen.
pub(super) fn escape(text: &str) -> String {
    let visible: Cow<'_, str> = visible(text);
    let mut escaped = String::with_capacity(visible.len());
    for character in visible.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            // `]]>` ends a section that may hold the text further on.
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Look;

    #[test]
    fn names_are_neither_markup_nor_illegal() {
        assert_eq!(escape("a<b>&\"c\"'"), "a&lt;b&gt;&amp;&quot;c&quot;'");
        assert_eq!(escape("]]>"), "]]&gt;");
        assert_eq!(escape("\0\u{1b}\u{ffff}\u{202e}\n"), "\\u{0}\\u{1b}\\u{ffff}\\u{202e}\\n");
    }

    #[test]
    fn elements_nest() {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, Look::default());
        let mut xml = Xml::new(&mut page).unwrap();
        xml.open("a", &[("b", "1")]).unwrap();
        xml.empty("c", &[]).unwrap();
        xml.text("d", &[("e", "<")], &["x".to_owned(), "y".to_owned()]).unwrap();
        xml.close().unwrap();
        let text = String::from_utf8(out).unwrap();
        let (_, body) = text.split_once('\n').unwrap();
        assert_eq!(body, "<a b=\"1\">\n  <c/>\n  <d e=\"&lt;\">x\ny</d>\n</a>\n");
    }
}
