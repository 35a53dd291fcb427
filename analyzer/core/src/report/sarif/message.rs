//! Text in SARIF: what would be a placeholder or a link is escaped.

use super::log::Message;
use crate::report::visible::visible;

/// Text that may have names in it.
pub(super) fn plain(text: &str) -> Message {
    Message { text: lines([text]), markdown: None }
}

/// Several sentences, one on each line.
pub(super) fn lines<'a>(sentences: impl IntoIterator<Item = &'a str>) -> String {
    let sentences: Vec<String> = sentences.into_iter().map(|sentence| escape(&visible(sentence))).collect();
    sentences.join("\n")
}

/// `{0}` would be a placeholder, and `[text](target)` a link.
fn escape(text: &str) -> String {
    let braces = text.replace('{', "{{").replace('}', "}}");
    if !braces.contains("](") {
        return braces;
    }
    braces.replace('[', "\\[").replace(']', "\\]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_neither_placeholders_nor_links() {
        assert_eq!(plain("shop/web[Deployment] -> x").text, "shop/web[Deployment] -> x");
        assert_eq!(plain("from `{ingress-controller}`").text, "from `{{ingress-controller}}`");
        assert_eq!(plain("[click](https://evil)").text, "\\[click\\](https://evil)");
        assert_eq!(lines(["a\nb\u{202e}", "c"]), "a\\nb\\u{{202e}}\nc");
    }
}
