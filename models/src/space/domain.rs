//! Domain names, and patterns of names.

use std::fmt;

use super::Language;

/// A domain name or a pattern of names, in lower case and without the final dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName {
    text: Box<str>,
    stars: Stars,
}

/// What `*` stands for in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stars {
    /// In front of the first dot for one label or more, anywhere else for nothing (S-64).
    Labels,
    /// For any characters but a dot; several in front of the first dot for one label or more, and stars alone for
    /// every name (K-41).
    Characters,
}

impl DomainName {
    /// A name, or a pattern whose stars stand for this.
    pub fn new(text: impl Into<Box<str>>, stars: Stars) -> Self {
        Self { text: text.into(), stars }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What its stars stand for.
    pub const fn stars(&self) -> Stars {
        self.stars
    }

    fn is_pattern(&self) -> bool {
        self.text.contains('*')
    }

    /// Whether every name matches.
    pub fn is_everything(&self) -> bool {
        self.stars == Stars::Characters && !self.text.is_empty() && self.text.bytes().all(|byte| byte == b'*')
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        match self.stars {
            Stars::Labels => match self.text.strip_prefix('*') {
                // The apex is none of the names below it.
                Some(suffix) if suffix.starts_with('.') => {
                    name.strip_suffix(suffix).is_some_and(|labels| !labels.is_empty())
                }
                _ => *self.text == *name,
            },
            Stars::Characters if self.is_everything() => true,
            Stars::Characters => {
                let bare = self.text.trim_start_matches('*');
                let stars = self.text.len() - bare.len();
                match bare.strip_prefix('.') {
                    Some(rest) if stars > 1 => name.match_indices('.').any(|(dot, _)| {
                        let (labels, parent) = name.split_at(dot);
                        labels.split('.').all(|label| !label.is_empty())
                            && glob(rest.as_bytes(), parent.as_bytes().get(1..).unwrap_or_default())
                    }),
                    _ => glob(self.text.as_bytes(), name.as_bytes()),
                }
            }
        }
    }

    /// Whether every name that the other stands for matches.
    pub fn covers(&self, other: &Self) -> bool {
        if self == other || self.is_everything() {
            return true;
        }
        if !other.is_pattern() {
            return self.matches(&other.text);
        }
        if !self.is_pattern() {
            return false;
        }
        match (self.language(), other.language()) {
            (Some(own), Some(other)) => other.is_subset(&own).unwrap_or(false),
            _ => false,
        }
    }

    /// Whether some name may match both; also where that cannot be told.
    pub fn may_meet(&self, other: &Self) -> bool {
        match (self.is_pattern(), other.is_pattern()) {
            (_, false) => self.matches(&other.text),
            (false, true) => other.matches(&self.text),
            (true, true) => match (self.language(), other.language()) {
                (Some(own), Some(other)) => own.intersects(&other).unwrap_or(true),
                _ => true,
            },
        }
    }

    /// The names that match; nothing where it cannot be told.
    fn language(&self) -> Option<Language> {
        const LABELS: &str = r"([^.]+\.)+";
        let (deep, rest) = match (self.stars, self.text.trim_start_matches('*').strip_prefix('.')) {
            _ if self.is_everything() => return Some(Language::everything()),
            (Stars::Labels, Some(rest)) if self.text.starts_with('*') => (LABELS, rest),
            (Stars::Characters, Some(rest)) if self.text.starts_with("**") => (LABELS, rest),
            _ => ("", &*self.text),
        };
        let rest = rest.replace('.', r"\.").replace('*', "[^.]*");
        // No label of a name is empty.
        let names = Language::re2(r"[^.]+(\.[^.]+)*").ok()?;
        Language::re2(&format!("{deep}{rest}")).ok()?.intersection(&names).ok()
    }
}

/// As the admin APIs read it.
impl From<&str> for DomainName {
    fn from(text: &str) -> Self {
        Self::new(text, Stars::Labels)
    }
}

/// As it is written.
impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a text matches a pattern in which `*` stands for any characters but dots.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut here) = (0, 0);
    // Where the last star was, and how far into the text it reaches.
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), text.get(here)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((at, here));
                at += 1;
            }
            (Some(wanted), Some(byte)) if wanted == byte => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((star_at, reach)) = star else { return false };
                if text.get(reach).is_none_or(|byte| *byte == b'.') {
                    return false;
                }
                star = Some((star_at, reach + 1));
                (at, here) = (star_at + 1, reach + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cilium(text: &str) -> DomainName {
        DomainName::new(text, Stars::Characters)
    }

    #[test]
    fn a_star_stays_within_its_label() {
        for (text, name, matches) in [
            ("*.cilium.io", "www.cilium.io", true),
            ("*.cilium.io", "cilium.io", false),
            ("*.cilium.io", "a.b.cilium.io", false),
            ("*cilium.io", "cilium.io", true),
            ("*cilium.io", "subcilium.io", true),
            ("*cilium.io", "www.cilium.io", false),
            ("sub*.cilium.io", "sub.cilium.io", true),
            ("sub*.cilium.io", "subdomain.cilium.io", true),
            ("sub*.cilium.io", "www.cilium.io", false),
            ("a*b*c.io", "axxbyyc.io", true),
            ("a*b*c.io", "ab.c.io", false),
            ("*.*.io", "a.b.io", true),
            ("a.io", "a.io", true),
            ("a.io", "b.a.io", false),
        ] {
            assert_eq!(cilium(text).matches(name), matches, "{text} {name}");
        }
    }

    #[test]
    fn two_stars_in_front_stand_for_any_depth() {
        for (text, name, matches) in [
            ("**.cilium.io", "app.cilium.io", true),
            ("**.cilium.io", "test.app.cilium.io", true),
            ("**.cilium.io", "cilium.io", false),
            ("***.cilium.io", "a.b.c.cilium.io", true),
            ("**.s3.*.io", "a.b.s3.eu.io", true),
            ("**.s3.*.io", "a.b.s3.eu.west.io", false),
            ("**cilium.io", "a.cilium.io", false),
            ("**cilium.io", "xcilium.io", true),
            ("*", "a.b.c", true),
            ("**", "a", true),
        ] {
            assert_eq!(cilium(text).matches(name), matches, "{text} {name}");
        }
    }

    #[test]
    fn patterns_cover_patterns_exactly() {
        for (wide, narrow, covers, meet) in [
            ("**.io", "*.a.io", true, true),
            ("*.a.io", "**.a.io", false, true),
            ("*.a.io", "x*.a.io", true, true),
            ("x*.a.io", "*x.a.io", false, true),
            ("x*.a.io", "y*.a.io", false, false),
            ("*", "**.io", true, true),
            ("a.io", "*.io", false, true),
            ("a.b.io", "*.io", false, false),
        ] {
            assert_eq!(cilium(wide).covers(&cilium(narrow)), covers, "{wide} {narrow}");
            assert_eq!(cilium(wide).may_meet(&cilium(narrow)), meet, "{wide} {narrow}");
        }
        let deep = DomainName::from("*.a.io");
        assert!(deep.matches("x.y.a.io") && deep.matches("x.a.io") && !deep.matches("a.io"));
        assert!(deep.covers(&cilium("*.a.io")) && !cilium("*.a.io").covers(&deep));
        assert!(deep.covers(&DomainName::from("*.b.a.io")) && !DomainName::from("*.b.a.io").covers(&deep));
    }
}
