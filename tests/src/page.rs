//! HTML reports, taken apart.

use std::fs;

use serde_json::Value;

use crate::npv::root;

/// The document inside of a page; `Null` where there is none.
pub fn document(page: &str) -> Value {
    let rest = page.split_once("<script type=\"application/json\" id=\"document\">").map(|(_, rest)| rest);
    let data = rest.and_then(|rest| rest.split_once("</script>")).map(|(data, _)| data);
    data.and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default()
}

/// What stands in a page for readers without JavaScript, and the data.
///
/// # Panics
/// Where anything else in the page is not as the template has it.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
pub fn inserted(page: &str) -> (String, String) {
    let template = fs::read_to_string(root().join("web-report/dist/template.html")).unwrap();
    let (before, rest) = template.split_once("<p>npv:still</p>").unwrap();
    let (between, after) = rest.split_once("{\"npv\":\"data\"}").unwrap();
    let rest = page.strip_prefix(before).unwrap().strip_suffix(after).unwrap();
    let (still, data) = rest.split_once(between).unwrap();
    (still.to_owned(), data.to_owned())
}

/// Names of elements that the page for readers without JavaScript is made of.
pub const ELEMENTS: [&str; 13] =
    ["li", "p", "b", "pre", "code", "h2", "table", "tbody", "thead", "tr", "th", "td", "ol"];

/// The names of the elements of some markup that are none of [`ELEMENTS`].
pub fn foreign(markup: &str) -> Vec<&str> {
    let names = markup.split('<').skip(1);
    let names = names.filter_map(|tag| tag.trim_start_matches('/').split(['>', ' ']).next());
    names.filter(|name| !ELEMENTS.contains(name)).collect()
}
