//! How much room text takes.
//!
//! All text of a picture is of a font with letters of one width, so that it is as wide in a browser and in an image as it
//! is here.

/// The width of a letter, as a part of the font's size. Wide scripts take twice as much.
pub const CHARACTER: f64 = 0.602;
/// The size of names.
pub const NAME: f64 = 13.0;
/// The size of what stands below names.
pub const NOTE: f64 = 11.0;
/// The size of what stands at lines, and of titles.
pub const LABEL: f64 = 11.0;
/// So many letters of a workload's or a namespace's name are shown, and of any other.
const MOST: usize = 24;
const MOST_OF_OTHERS: usize = 38;

/// The width of some text in a font of some size.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| if letter.is_ascii() || letter < '\u{1100}' { 1.0 } else { 2.0 }).sum::<f64>()
        * CHARACTER
        * size
}

/// A name with its middle left out where it is long: both ends tell it apart.
pub(crate) fn fitted(text: &str) -> String {
    shortened(text, MOST)
}

/// The same for what is said in words, and below names.
pub(crate) fn said(text: &str) -> String {
    shortened(text, MOST_OF_OTHERS)
}

/// The same for so many letters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= most {
        return text.to_owned();
    }
    let head = (most - 1) / 2;
    let tail = most - 1 - head;
    letters.iter().take(head).chain(&['…']).chain(letters.iter().skip(letters.len() - tail)).collect()
}

/// Some names in a line: `a, b, c +4`.
pub(crate) fn listed(names: &[&str], most: usize) -> String {
    let mut shown = String::new();
    for (index, name) in names.iter().enumerate() {
        let name = shortened(name, most.max(8));
        let joined = if shown.is_empty() { name } else { format!("{shown}, {name}") };
        let rest = names.len() - index - 1;
        if index > 0 && joined.chars().count() + if rest > 0 { 4 } else { 0 } > most {
            return format!("{shown} +{}", names.len() - index);
        }
        shown = joined;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_long_name_are_kept() {
        assert_eq!(fitted("web"), "web");
        assert_eq!(shortened("argocd-notifications-controller", 13), "argocd…roller");
    }

    #[test]
    fn a_list_says_how_many_are_left_out() {
        assert_eq!(listed(&["a", "b"], 10), "a, b");
        assert_eq!(listed(&["alpha", "beta", "gamma"], 13), "alpha +2");
    }
}
