//! Types and codes of ICMP (C-54).

use super::super::Spanned;
use super::super::read::{Path, Reader, Unknown, fault};
use super::{Form, number, spanned};
use crate::yaml::Entry;

/// `icmp` or `notICMP`: one type and code, or all where they are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Icmp {
    /// The type, 0 to 254.
    pub kind: Option<u8>,
    /// The code, 0 to 255; never without a type.
    pub code: Option<u8>,
}

/// Reads `icmp` or `notICMP`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
    form: Form,
) -> Option<Spanned<Icmp>> {
    let entry = entry?;
    let [kind, code] = reader.fields(path, &entry.value, ["type", "code"], Unknown::Refused(&[]));
    if let (None, Some(code), Form::Api) = (kind, code, form) {
        let message = "an ICMP code is that of a type: this one has no `type`";
        reader.report(fault(reader.invalid(), &path.field("code"), code.value.span, message));
    }
    let kind = number(reader, &path.field("type"), kind, 254);
    let code = number(reader, &path.field("code"), code, 255);
    let icmp = Icmp { kind: kind.map(|kind| kind.value), code: code.map(|code| code.value) };
    Some(spanned(icmp, entry))
}
