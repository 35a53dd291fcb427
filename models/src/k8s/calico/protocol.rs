//! IP protocols, by name or by number (C-53).

use super::super::Spanned;
use super::super::read::{Path, Reader, clip, fault, listing, replace};
use super::{Form, spanned};
use crate::space::Protocol;
use crate::yaml::{Entry, Value};

/// A protocol as a rule writes it. Names and numbers of one protocol mean the same, but the API asks for names in
/// some places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalicoProtocol {
    /// By name: its name and its number.
    Name(&'static str, u8),
    /// By number, 1 to 255.
    Number(u8),
}

/// The names that Calico knows.
const NAMES: [(&str, u8); 6] =
    [("TCP", 6), ("UDP", 17), ("SCTP", 132), ("ICMP", 1), ("ICMPv6", 58), ("UDPLite", 136)];

impl CalicoProtocol {
    /// The number of the protocol.
    pub const fn number(self) -> u8 {
        match self {
            Self::Name(_, number) | Self::Number(number) => number,
        }
    }

    /// The protocol as other policies know it; `None` for those that have no ports there (C-54).
    pub fn transport(self) -> Option<Protocol> {
        let name = NAMES.iter().take(3).find(|(_, number)| *number == self.number());
        name.and_then(|(name, _)| Protocol::from_name(name))
    }

    /// Whether it is written as one of these names.
    pub(super) fn is_named(self, names: &[&str]) -> bool {
        matches!(self, Self::Name(name, _) if names.contains(&name))
    }
}

/// `TCP`, or `47`: as it is written.
impl std::fmt::Display for CalicoProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name, _) => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Reads `protocol` or `notProtocol`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
    form: Form,
) -> Option<Spanned<CalicoProtocol>> {
    let entry = entry?;
    let node = &entry.value;
    let text = match &node.value {
        Value::Str(text) => text,
        _ if node.as_int().is_some() => {
            let number = super::number(reader, path, Some(entry), u8::MAX)?;
            return by_number(reader, path, number);
        }
        _ => {
            reader.wrong_type(path, node, "the name or number of a protocol");
            return None;
        }
    };
    // Digits in quotes are a number all the same.
    if !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = text.parse()
    {
        return by_number(reader, path, spanned(number, entry));
    }
    let find = |same: fn(&str, &str) -> bool| NAMES.iter().find(|(name, _)| same(name, text));
    let like = find(str::eq_ignore_ascii_case);
    // What is stored may be in any case: Felix lowers it.
    let known = if form == Form::Stored { like } else { find(|name, text| name == text) };
    if let Some((name, number)) = known {
        return Some(spanned(CalicoProtocol::Name(name, *number), entry));
    }
    let names = NAMES.map(|(name, _)| name);
    let message = format!("`{}` is none of the protocols {}", clip(text), listing(&names));
    let finding = fault(reader.invalid(), path, node.span, message);
    reader.report(match like {
        Some((name, _)) => finding.help(format!("write `{name}`")).fix(replace(
            node.span,
            text,
            name,
            format!("write `{name}`"),
        )),
        None => finding.help("a protocol without a name here is written as its number, from 1 to 255"),
    });
    None
}

fn by_number(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    number: Spanned<u8>,
) -> Option<Spanned<CalicoProtocol>> {
    if number.value == 0 {
        let message = "0 is no protocol: their numbers go from 1 to 255";
        reader.report(fault(reader.invalid(), path, number.span, message));
        return None;
    }
    Some(Spanned::new(CalicoProtocol::Number(number.value), number.span))
}
