//! What the API says, for whoever enforces it.

use super::super::sheet::{Sheet, Since};

pub(super) static SHEET: Sheet = Sheet {
    name: "upstream",
    title: "what the API says",
    aliases: &["api"],
    admin: Since::Always,
    cluster: Since::Always,
    ..Sheet::API
};
