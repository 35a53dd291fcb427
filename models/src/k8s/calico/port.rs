//! Ports: numbers, ranges and names (C-50, C-52).

use std::ops::RangeInclusive;

use super::super::Spanned;
use super::super::pod::in_range;
use super::super::read::{Path, Reader, clip, fault, replace};
use super::super::syntax;
use crate::yaml::{Entry, Node, Value};

/// An entry of `ports` or `notPorts`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CalicoPort {
    /// Ports by number, 1 to 65535.
    Numbers(RangeInclusive<u16>),
    /// What pods call so (C-52).
    Name(Box<str>),
}

/// Reads `ports` or `notPorts`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
) -> Vec<Spanned<CalicoPort>> {
    let mut ports = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "port 0, which is invalid");
        } else {
            ports.extend(read_port(reader, &path, item).map(|port| Spanned::new(port, item.span)));
        }
    }
    ports
}

fn read_port(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<CalicoPort> {
    if let Some(number) = node.as_int() {
        let port = in_range(reader, path, node, number)?;
        return Some(CalicoPort::Numbers(port..=port));
    }
    let Value::Str(text) = &node.value else {
        reader.wrong_type(path, node, "a port, a range such as `8000:8080`, or the name of a port");
        return None;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Digits in quotes are a number all the same. More than fit are beyond every port.
    let number = |text: &str| text.parse::<i64>().unwrap_or(i64::MAX);
    if digits(text) {
        let port = in_range(reader, path, node, number(text))?;
        return Some(CalicoPort::Numbers(port..=port));
    }
    if let Some((first, last)) = text.split_once(':').filter(|(first, last)| digits(first) && digits(last)) {
        let start = in_range(reader, path, node, number(first));
        let end = in_range(reader, path, node, number(last));
        let (start, end) = (start?, end?);
        if start <= end {
            return Some(CalicoPort::Numbers(start..=end));
        }
        let message = format!("the range `{text}` ends before it begins");
        let instead = format!("{end}:{start}");
        reader.report(
            fault(reader.invalid(), path, node.span, message)
                .help(format!("write `{instead}`"))
                .fix(replace(node.span, text, &instead, format!("write `{instead}`"))),
        );
        return None;
    }
    match syntax::port_name(text) {
        Ok(()) => Some(CalicoPort::Name(text.clone())),
        Err(wrong) => {
            let dashed = text.split_once('-').filter(|(first, last)| digits(first) && digits(last));
            let Some((first, last)) = dashed else {
                reader.malformed(path, node.span, text, wrong);
                return None;
            };
            let message = format!("`{}` is neither a range of ports nor the name of one", clip(text));
            let instead = format!("{first}:{last}");
            reader.report(
                fault(reader.invalid(), path, node.span, message)
                    .help(format!("ranges have a colon: write `'{instead}'`"))
                    .fix(replace(node.span, text, &instead, format!("write `{instead}`"))),
            );
            None
        }
    }
}
