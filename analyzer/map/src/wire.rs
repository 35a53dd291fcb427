//! Scenes and pictures as the page of the report hands them over: numbers and lines of text in, JSON out.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::{End, EndKind, Fold, Line, Link, NodeKind, Picture, Rect, Scene, Style};

/// Numbers of four bytes, the lowest first.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn next(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*word))
    }

    fn list(&mut self, count: u32) -> Option<Vec<u32>> {
        (0..count).map(|_| self.next()).collect()
    }
}

/// Reads a scene and how it is folded. First come the numbers of ends, groups, styles, links and open groups; of each
/// end its kind, its group plus one and whether it is listed; of each style its line and whether it is all traffic; of each link its ends and its
/// style; the open groups, after whether they are given at all. Then, as UTF-8 with a line break after each, of each end its label and
/// its note, the names of groups and the labels of styles. `None` where that is not what is there.
pub fn read(bytes: &[u8]) -> Option<(Scene, Fold)> {
    let mut words = Words(bytes);
    let [ends, groups, styles, links, open] = *words.list(5)?.first_chunk()?;
    let ends = words.list(ends.checked_mul(3)?)?;
    let styles = words.list(styles.checked_mul(2)?)?;
    let links = words.list(links.checked_mul(3)?)?;
    let chosen = words.next()? == 1;
    let open: BTreeSet<u32> = words.list(open)?.into_iter().collect();
    let mut text = std::str::from_utf8(words.0).ok()?.split('\n').map(str::to_owned);
    let mut scene = Scene::default();
    for end in ends.chunks_exact(3) {
        let [kind, group, listed] = *end.first_chunk()?;
        let kind = *[EndKind::Pods, EndKind::Outside, EndKind::Other].get(kind as usize)?;
        let (label, note) = (text.next()?, text.next()?);
        scene.ends.push(End { kind, group: group.checked_sub(1), label, note, listed: listed == 1 });
    }
    for _ in 0..groups {
        scene.groups.push(text.next()?);
    }
    for style in styles.chunks_exact(2) {
        let [line, all] = *style.first_chunk()?;
        let line = *Line::ALL.get(line as usize)?;
        scene.styles.push(Style { label: text.next()?, all: all == 1, line });
    }
    scene.links = links
        .chunks_exact(3)
        .filter_map(|link| {
            link.first_chunk().map(|[src, dst, style]| Link { src: *src, dst: *dst, style: *style })
        })
        .collect();
    scene.is_sound().then_some((scene, if chosen { Fold::AllBut(open) } else { Fold::Auto }))
}

/// A picture as JSON. Coordinates are whole numbers.
pub fn write(picture: &Picture) -> String {
    let mut out = String::with_capacity(4096);
    let _ =
        write!(out, "{{\"width\":{},\"height\":{},\"nodes\":[", whole(picture.width), whole(picture.height));
    for (index, (node, rect)) in picture.graph.nodes.iter().zip(&picture.nodes).enumerate() {
        let kind = match node.kind {
            NodeKind::Pods => "pods",
            NodeKind::Group => "group",
            NodeKind::Hub => "hub",
            NodeKind::Outside => "outside",
            NodeKind::Other => "other",
        };
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(
            out,
            "{comma}{{\"kind\":\"{kind}\",\"group\":{},",
            node.group.map_or("null".to_owned(), |group| group.to_string())
        );
        let _ = write!(
            out,
            "\"label\":{},\"note\":{},\"within\":{},",
            quoted(&node.label),
            quoted(&node.note),
            quoted(&node.within)
        );
        let _ = write!(
            out,
            "\"ends\":{:?},\"leaves\":{:?},\"rect\":{}}}",
            node.ends,
            node.leaves,
            rectangle(rect)
        );
    }
    out.push_str("],\"edges\":[");
    for (index, edge) in picture.graph.edges.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let line = Line::ALL.iter().position(|line| *line == edge.line).unwrap_or(0);
        let _ = write!(
            out,
            "{comma}{{\"from\":{},\"to\":{},\"line\":{line},\"styles\":{:?},\"links\":{},",
            edge.from, edge.to, edge.styles, edge.links
        );
        let _ = write!(out, "\"label\":{},\"points\":[", quoted(&edge.label));
        let way = picture.ways.get(index);
        for (place, (x, y)) in way.map_or(&[][..], |way| &way.points).iter().enumerate() {
            let _ = write!(out, "{}{},{}", if place > 0 { "," } else { "" }, whole(*x), whole(*y));
        }
        let _ = write!(out, "],\"at\":{}}}", way.map_or("null".to_owned(), |way| rectangle(&way.label)));
    }
    out.push_str("],\"groups\":[");
    for (index, group) in picture.groups.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(
            out,
            "{comma}{{\"group\":{},\"title\":{},\"rect\":{}}}",
            group.group,
            quoted(&group.title),
            rectangle(&group.rect)
        );
    }
    let folded: Vec<u32> = picture.graph.folded.iter().copied().collect();
    let between = picture.graph.between.as_deref().map_or("null".to_owned(), quoted);
    let _ = write!(out, "],\"folded\":{folded:?},\"between\":{between},\"said\":{}}}", picture.graph.said);
    out
}

fn whole(number: f64) -> i64 {
    number.round() as i64
}

fn rectangle(rect: &Rect) -> String {
    format!("[{},{},{},{}]", whole(rect.x), whole(rect.y), whole(rect.width), whole(rect.height))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            letter if u32::from(letter) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_scene_is_none() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[255; 64]), None);
        let mut bytes: Vec<u8> =
            [1_u32, 0, 0, 0, 0, 0, 1, 1, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(b"web\nDeployment\n");
        // It is of a group that is not there.
        assert_eq!(read(&bytes), None);
        bytes[24] = 0;
        assert_eq!(read(&bytes).map(|(scene, _)| scene.ends[0].label.clone()), Some("web".to_owned()));
    }
}
