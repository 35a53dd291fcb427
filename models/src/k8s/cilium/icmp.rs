//! ICMP types: `icmps` (K-34).

use super::super::Spanned;
use super::super::read::{Path, Reader, clip, fault};
use super::{STRICT, at_most, missing, refused_by_agent};
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// Most fields of an item.
const FIELDS: usize = 40;

/// A family of ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IcmpFamily {
    /// ICMP, of IPv4.
    V4,
    /// ICMPv6.
    V6,
}

/// A type of ICMP messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CiliumIcmp {
    /// Of which family.
    pub family: IcmpFamily,
    /// Its number; no message has one above 255.
    pub number: u16,
}

/// Names of types, by family.
const V4: &[(&str, u16)] = &[
    ("EchoReply", 0),
    ("DestinationUnreachable", 3),
    ("Redirect", 5),
    ("Echo", 8),
    ("EchoRequest", 8),
    ("RouterAdvertisement", 9),
    ("RouterSelection", 10),
    ("TimeExceeded", 11),
    ("ParameterProblem", 12),
    ("Timestamp", 13),
    ("TimestampReply", 14),
    ("Photuris", 40),
    ("ExtendedEchoRequest", 42),
];
const V6: &[(&str, u16)] = &[
    ("DestinationUnreachable", 1),
    ("PacketTooBig", 2),
    ("TimeExceeded", 3),
    ("ParameterProblem", 4),
    ("EchoRequest", 128),
    ("EchoReply", 129),
    ("MulticastListenerQuery", 130),
    ("MulticastListenerReport", 131),
    ("MulticastListenerDone", 132),
    ("RouterSolicitation", 133),
    ("RouterAdvertisement", 134),
    ("NeighborSolicitation", 135),
    ("NeighborAdvertisement", 136),
    ("RedirectMessage", 137),
    ("RouterRenumbering", 138),
    ("ICMPNodeInformationQuery", 139),
    ("ICMPNodeInformationResponse", 140),
    ("InverseNeighborDiscoverySolicitation", 141),
    ("InverseNeighborDiscoveryAdvertisement", 142),
    ("HomeAgentAddressDiscoveryRequest", 144),
    ("HomeAgentAddressDiscoveryReply", 145),
    ("MobilePrefixSolicitation", 146),
    ("MobilePrefixAdvertisement", 147),
    ("DuplicateAddressRequestCodeSuffix", 157),
    ("DuplicateAddressConfirmationCodeSuffix", 158),
    ("ExtendedEchoRequest", 160),
];

/// Reads `icmps`; `None` where it restricts nothing.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
) -> Option<Spanned<Vec<CiliumIcmp>>> {
    let items = reader.list(path, list);
    if items.is_empty() {
        return None;
    }
    let mut types = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no type, which the API server refuses");
            continue;
        }
        let [fields] = reader.fields(&path, item, ["fields"], STRICT);
        let path = path.field("fields");
        let fields = reader.list(&path, fields);
        at_most(reader, &path, fields.len(), FIELDS, fields.get(FIELDS).map(|item| item.span));
        for (index, item) in fields.iter().enumerate() {
            let path = path.item(index);
            if item.is_null() {
                reader.null_item(&path, item, "no type, which the API server refuses");
            } else {
                types.extend(read_field(reader, &path, item));
            }
        }
    }
    Some(Spanned::new(types, list?.value.span))
}

fn read_field(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<CiliumIcmp> {
    let before = reader.count();
    let [number, family] = reader.fields(path, item, ["type", "family"], STRICT);
    if number.is_none() && reader.count() == before {
        missing(reader, path, "type", item.span);
    }
    let family = read_family(reader, &path.field("family"), family)?;
    let number = read_number(reader, &path.field("type"), number?, family)?;
    Some(CiliumIcmp { family, number })
}

fn read_family(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<IcmpFamily> {
    let Some(entry) = entry else { return Some(IcmpFamily::V4) };
    match reader.text(path, &entry.value)? {
        "IPv4" => Some(IcmpFamily::V4),
        "IPv6" => Some(IcmpFamily::V6),
        text => {
            let message = format!("`{}` is no family: there are `IPv4` and `IPv6`", clip(text));
            reader.report(fault("invalid-policy", path, entry.value.span, message));
            None
        }
    }
}

fn read_number(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry, family: IcmpFamily) -> Option<u16> {
    let span = entry.value.span;
    if let Some(number) = entry.value.as_int() {
        return in_range(reader, path, span, number);
    }
    let Value::Str(text) = &entry.value.value else {
        reader.wrong_type(path, &entry.value, "the number or the name of an ICMP type");
        return None;
    };
    // The schema knows the numbers of types where they are texts.
    if let Ok(number) = text.parse::<u8>()
        && !text.starts_with('+')
        && (text.len() == 1 || !text.starts_with('0'))
    {
        return Some(number.into());
    }
    let find =
        |names: &[(&str, u16)]| names.iter().find(|(name, _)| *name == &**text).map(|(_, number)| *number);
    let (own, other, other_family) = match family {
        IcmpFamily::V4 => (find(V4), find(V6), "IPv6"),
        IcmpFamily::V6 => (find(V6), find(V4), "IPv4"),
    };
    if own.is_none() {
        reader.report(if other.is_some() {
            let message = format!("`{text}` is a type of {other_family} only");
            refused_by_agent(path, span, message).help(format!("write `family: {other_family}` beside it"))
        } else {
            let message = format!("`{}` is no ICMP type that Cilium knows by name", clip(text));
            fault("invalid-policy", path, span, message).help("write its number, from 0 to 255")
        });
    }
    own
}

/// Any number passes the schema, and the agent takes what fits its field.
fn in_range(reader: &mut Reader<'_>, path: &Path<'_>, span: Span, number: i64) -> Option<u16> {
    let valid = u16::try_from(number).ok();
    if valid.is_none() {
        let message = format!("{number} is no ICMP type: types go from 0 to 255");
        reader.report(fault("invalid-policy", path, span, message));
    }
    valid
}
