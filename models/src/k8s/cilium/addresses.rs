//! Blocks of addresses: `fromCIDR`, `fromCIDRSet` and their like.

use ipnet::IpNet;

use super::super::read::{Path, Reader};
use super::super::{Spanned, syntax};
use super::{STRICT, exactly_one, refused_by_agent, selector};
use crate::space::{Selector, mask};
use crate::yaml::{Entry, Node};

/// Addresses without some of them (K-20 to K-23).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiliumBlock {
    /// Which addresses.
    pub source: CiliumBlockSource,
    /// `except`: blocks that are taken out, host bits cleared.
    pub except: Vec<IpNet>,
}

/// Where the addresses are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CiliumBlockSource {
    /// Here: the block, host bits cleared.
    Block(IpNet),
    /// `cidrGroupRef`: in the CiliumCIDRGroup of this name.
    Group(Box<str>),
    /// `cidrGroupSelector`: in the CiliumCIDRGroups with these labels.
    Groups(Selector),
}

/// Reads a list of blocks.
pub(super) fn read_list(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
) -> Vec<Spanned<IpNet>> {
    let mut blocks = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no block, which the API server refuses");
        } else {
            blocks.extend(read_block(reader, &path, item).map(|block| Spanned::new(block, item.span)));
        }
    }
    blocks
}

/// Reads a block, whose host bits may be set (K-20).
pub(super) fn read_block(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<IpNet> {
    let text = reader.text(path, node)?;
    match syntax::cidr(text) {
        Ok(net) => Some(mask(net)),
        Err(wrong) => {
            reader.malformed(path, node.span, text, wrong);
            None
        }
    }
}

/// Reads an entry of a `CIDRSet`.
pub(super) fn read_set(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<CiliumBlock> {
    let before = reader.count();
    let [cidr, name, labels, except] =
        reader.fields(path, node, ["cidr", "cidrGroupRef", "cidrGroupSelector", "except"], STRICT);
    let sources = [cidr, name, labels];
    if reader.count() == before || sources.iter().any(Option::is_some) {
        exactly_one(reader, path, node.span, "`cidr`, `cidrGroupRef` and `cidrGroupSelector`", &sources);
    }
    let block = cidr.and_then(|entry| read_block(reader, &path.field("cidr"), &entry.value));
    let group = name.and_then(|entry| {
        let path = path.field("cidrGroupRef");
        let text = reader.text(&path, &entry.value)?;
        if let Err(wrong) = syntax::dns_subdomain(text) {
            reader.malformed(&path, entry.value.span, text, wrong);
        }
        Some(CiliumBlockSource::Group(text.into()))
    });
    let groups = labels.map(|entry| {
        let path = path.field("cidrGroupSelector");
        CiliumBlockSource::Groups(selector::read_plain(reader, &path, &entry.value))
    });
    let except_path = path.field("except");
    let holes = read_list(reader, &except_path, except);
    if let (Some(block), Some(cidr)) = (block, cidr) {
        for hole in holes.iter().filter(|hole| !block.contains(&hole.value)) {
            let message = format!("`{}` is not inside the block `{block}`", hole.value);
            reader.report(
                refused_by_agent(&except_path, hole.span, message)
                    .related(cidr.value.span, "the block")
                    .help("an exception must be inside its `cidr`"),
            );
        }
    }
    let source = block.map(CiliumBlockSource::Block).or(group).or(groups)?;
    Some(CiliumBlock { source, except: holes.into_iter().map(|hole| hole.value).collect() })
}
