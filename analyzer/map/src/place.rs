//! Where everything is, in the end.

use crate::bundle::{Graph, Node, NodeKind};
use crate::layers::{Breadth, Layers, layers};
use crate::order::{Anchor, FOOT, Heading, Order, TITLE, plain_height};
use crate::route::{TRACK, tracks};
use crate::text::{LABEL, NAME, NOTE, fitted, width};
use crate::{Group, MOST_ROUTED, Picture, Point, Rect, Scene, Way};

/// Around everything, and around the nodes of a box.
const MARGIN: f64 = 18.0;
const PAD: f64 = 14.0;
/// Between what stands apart.
const APART: f64 = 18.0;
/// What a tip takes.
const TIP: f64 = 9.0;
/// About the shape of what stands apart.
const SHAPE: f64 = 1.9;
/// What of a picture is seen at once on a laptop, in letters that can be read.
const PAGE: (f64, f64) = (1_250.0, 760.0);
/// The breadths that are tried.
const BREADTHS: [Breadth; 4] = [
    Breadth { whole: 3, boxes: 0.7 },
    Breadth { whole: 4, boxes: 0.9 },
    Breadth { whole: 5, boxes: 1.15 },
    Breadth { whole: 8, boxes: 2.0 },
];

fn node_width(node: &Node) -> f64 {
    let text = width(&node.label, NAME).max(width(&node.note, NOTE)).max(width(&node.within, NOTE) + 8.0);
    let least = if node.kind == NodeKind::Hub { 40.0 } else { 72.0 };
    (text + 18.0 + if node.leaves.is_empty() { 0.0 } else { 14.0 }).max(least)
}

fn node_height(node: &Node) -> f64 {
    plain_height(!node.note.is_empty())
}

pub(crate) fn picture(scene: &Scene, graph: Graph) -> Picture {
    let still = Graph { edges: Vec::new(), ..graph.clone() };
    let routed = graph.edges.len() <= MOST_ROUTED;
    let drawn = if routed { &graph } else { &still };
    let widths: Vec<f64> = graph.nodes.iter().map(node_width).collect();
    let title = |group: u32| {
        let name = fitted(scene.groups.get(group as usize).map_or("", String::as_str));
        match graph.among.iter().find(|(of, _)| *of == group) {
            Some((_, label)) => {
                format!("{name} · {} among themselves", if label == "all" { "all traffic" } else { label })
            }
            None => name,
        }
    };
    let tried = BREADTHS
        .iter()
        .map(|breadth| (of_breadth(&graph, drawn, *breadth, false, &widths, &title).1, *breadth));
    let best = tried.min_by(|one, other| one.0.total_cmp(&other.0));
    let breadth = best.map_or(BREADTHS[0], |(_, breadth)| breadth);
    let (picture, _) = of_breadth(&graph, drawn, breadth, true, &widths, &title);
    Picture { graph, ..picture }
}

/// One picture, and how bad it is: what crosses, and how far it is from a page.
fn of_breadth(
    graph: &Graph,
    drawn: &Graph,
    breadth: Breadth,
    careful: bool,
    widths: &[f64],
    title: &dyn Fn(u32) -> String,
) -> (Picture, f64) {
    let layers = layers(drawn, breadth);
    let mut picture = Picture { nodes: vec![Rect::default(); graph.nodes.len()], ..Picture::default() };
    if layers.count > 0 {
        linked(drawn, &layers, careful, widths, title, &mut picture);
    }
    apart(graph, &layers, widths, title, &mut picture);
    for rect in picture.nodes.iter().chain(picture.groups.iter().map(|group| &group.rect)) {
        picture.width = picture.width.max(rect.x + rect.width + MARGIN);
        picture.height = picture.height.max(rect.y + rect.height + MARGIN);
    }
    for way in &picture.ways {
        for (x, y) in &way.points {
            picture.width = picture.width.max(x + MARGIN);
            picture.height = picture.height.max(y + MARGIN);
        }
    }
    let size = (picture.width / PAGE.0).max(picture.height / PAGE.1).max(1.0);
    let bad = size * size.sqrt() * (8.0 + drawn.edges.len() as f64 + 1.5 * crossings(&picture.ways) as f64);
    (picture, bad)
}

/// The places in which lines cross.
fn crossings(ways: &[Way]) -> usize {
    let mut level: Vec<(f64, f64, f64)> = Vec::new();
    let mut upright: Vec<(f64, f64, f64)> = Vec::new();
    for pair in ways.iter().flat_map(|way| way.points.windows(2)) {
        if let [(ax, ay), (bx, by)] = *pair {
            if (ax - bx).abs() < 0.5 {
                upright.push((ax, ay.min(by), ay.max(by)));
            } else {
                level.push((ay, ax.min(bx), ax.max(bx)));
            }
        }
    }
    for lines in [&mut level, &mut upright] {
        lines.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
        lines.dedup();
    }
    let within = |at: f64, from: f64, to: f64| from + 0.5 < at && at < to - 0.5;
    let hits = |(x, top, bottom): &(f64, f64, f64)| {
        level.iter().filter(|(y, left, right)| within(*y, *top, *bottom) && within(*x, *left, *right)).count()
    };
    upright.iter().map(hits).sum()
}

/// Where the parts of a channel begin.
#[derive(Clone, Copy, Default)]
struct Channel {
    /// The first track.
    tracks: f64,
}

fn linked(
    graph: &Graph,
    layers: &Layers,
    careful: bool,
    widths: &[f64],
    title: &dyn Fn(u32) -> String,
    picture: &mut Picture,
) {
    let mut order = Order::new(graph, layers);
    order.settle(careful);
    let in_layers = |node: &usize| !layers.apart.contains(&layers.unit_of[*node]);
    let nodes: Vec<usize> = (0..graph.nodes.len()).filter(in_layers).collect();
    let mut columns = vec![0.0_f64; layers.count];
    for node in &nodes {
        let column = &mut columns[layers.layer_of[*node]];
        *column = column.max(widths[*node]);
    }
    let (track, counts) = tracks(&order, layers.count);
    // Room for labels at the left and at the right of each channel, and for the edges of boxes.
    let mut labels = vec![[0.0_f64; 2]; layers.count + 1];
    for tree in &order.trees {
        let port = &order.ports[tree.tip];
        let layer = layers.layer_of[port.node];
        let room = width(&graph.edges[tree.edges[0]].label, LABEL) + 6.0 + TIP;
        let place = match tree.heading {
            Heading::Right => &mut labels[layer][1],
            Heading::Left | Heading::Beside => &mut labels[layer + 1][0],
        };
        *place = place.max(room);
    }
    let mut edges = vec![[0.0_f64; 2]; layers.count + 1];
    for (number, unit) in layers.units.iter().enumerate() {
        if unit.group.is_some() && !layers.apart.contains(&number) {
            edges[unit.start][1] = PAD;
            edges[unit.start + unit.span][0] = PAD;
        }
    }
    let mut lefts = Vec::new();
    let mut channels = vec![Channel::default(); layers.count + 1];
    let mut x = MARGIN;
    for layer in 0..=layers.count {
        // The channel before this layer.
        let [left, right] = [0, 1].map(|side| labels[layer][side] + edges[layer][side]);
        channels[layer].tracks = x + left + 8.0;
        let count = layer.checked_sub(1).and_then(|before| counts.get(before)).copied().unwrap_or(0);
        let between = if layer == 0 || layer == layers.count { 0.0 } else { 12.0 };
        x += left + right + count as f64 * TRACK + if count > 0 { 14.0 } else { 0.0 } + between;
        lefts.push(x);
        x += columns.get(layer).copied().unwrap_or(0.0);
    }
    for node in &nodes {
        let layer = layers.layer_of[*node];
        let x = lefts[layer] + (columns[layer] - widths[*node]) / 2.0;
        picture.nodes[*node] =
            Rect { x, y: order.top(*node) + MARGIN, width: widths[*node], height: order.heights[*node] };
    }
    for (number, unit) in layers.units.iter().enumerate() {
        let (Some(group), false) = (unit.group, layers.apart.contains(&number)) else { continue };
        let (y, height) = order.block(unit.nodes[0]);
        let last = unit.start + unit.span - 1;
        let x = lefts[unit.start] - PAD;
        let rect = Rect { x, y: y + MARGIN, width: lefts[last] + columns[last] + PAD - x, height };
        picture.groups.push(Group { group, rect, title: clipped(&title(group), rect.width) });
    }
    let ways = Ways { order: &order, layers, track: &track, channels: &channels, nodes: &picture.nodes };
    let all: Vec<Way> = (0..graph.edges.len()).map(|edge| ways.of(graph, edge)).collect();
    picture.ways = all;
}

/// A title as far as there is room for it.
fn clipped(title: &str, room: f64) -> String {
    let most = ((room - 20.0) / width("m", LABEL)).max(3.0) as usize;
    if title.chars().count() <= most {
        return title.to_owned();
    }
    title.chars().take(most - 1).chain(['…']).collect()
}

struct Ways<'a> {
    order: &'a Order,
    layers: &'a Layers,
    track: &'a [Option<usize>],
    channels: &'a [Channel],
    nodes: &'a [Rect],
}

impl Ways<'_> {
    fn of(&self, graph: &Graph, edge: usize) -> Way {
        let tree = self.order.trees.iter().position(|tree| tree.edges.contains(&edge)).unwrap_or(0);
        let of = &self.order.trees[tree];
        let start = Anchor::Port(self.order.starts[edge]);
        let (from, to) = (graph.edges[edge].from as usize, graph.edges[edge].to as usize);
        let (first, last) = (self.layers.layer_of[from], self.layers.layer_of[to]);
        let y = |anchor: Anchor| self.order.y(anchor) + MARGIN;
        let tip = Anchor::Port(of.tip);
        let (own, other) = (self.nodes[from], self.nodes[to]);
        let mut points: Vec<Point> = Vec::new();
        let begin = if of.heading == Heading::Left { own.x } else { own.x + own.width };
        points.push((begin, y(start)));
        let bend = |layer: usize| of.bends.get(&layer).map_or(tip, |bend| Anchor::Bend(*bend));
        let steps: Vec<(usize, Anchor)> = match of.heading {
            Heading::Right => (first..last).map(|channel| (channel, bend(channel + 1))).collect(),
            Heading::Left => (last..first).rev().map(|channel| (channel, bend(channel))).collect(),
            Heading::Beside => vec![(first, tip)],
        };
        for (channel, next) in steps {
            let now = points.last().map_or(0.0, |point| point.1);
            let then = y(next);
            if let Some(x) = self.upright(tip, channel, of.heading, next)
                && ((now - then).abs() > 0.01 || of.heading == Heading::Beside)
            {
                points.push((x, now));
                points.push((x, then));
            }
        }
        let end = if of.heading == Heading::Right { other.x } else { other.x + other.width };
        points.push((end, y(tip)));
        let room = width(&graph.edges[edge].label, LABEL) + 6.0;
        let x = if of.heading == Heading::Right { end - TIP - 2.0 - room } else { end + TIP + 2.0 };
        Way { points, label: Rect { x, y: y(tip) - 7.0, width: room, height: 14.0 } }
    }

    /// Where the upright stretch of a tree's net in a channel is.
    fn upright(&self, tip: Anchor, channel: usize, heading: Heading, next: Anchor) -> Option<f64> {
        let ends = |anchors: &[Anchor]| anchors.contains(&next);
        let net = self.order.nets.iter().position(|net| {
            net.channel == channel
                && match heading {
                    Heading::Right => ends(&net.right),
                    Heading::Left => ends(&net.left),
                    Heading::Beside => net.right.is_empty() && net.left.first() == Some(&tip),
                }
        })?;
        let track = self.track[net]?;
        Some(self.channels[channel + 1].tracks + track as f64 * TRACK)
    }
}

/// What nothing leads to or from: in rows below everything else.
fn apart(
    graph: &Graph,
    layers: &Layers,
    widths: &[f64],
    title: &dyn Fn(u32) -> String,
    picture: &mut Picture,
) {
    let units: Vec<&crate::layers::Unit> = layers.apart.iter().map(|unit| &layers.units[*unit]).collect();
    let sizes: Vec<(f64, f64, usize, f64)> = units
        .iter()
        .map(|unit| {
            let wide = unit.nodes.iter().map(|node| widths[*node]).fold(0.0, f64::max);
            let count = unit.nodes.len();
            let columns = if count == 1 {
                1
            } else {
                ((count as f64 * 56.0 / wide * SHAPE).sqrt().round() as usize).clamp(1, count)
            };
            let rows = count.div_ceil(columns);
            let inner = columns as f64 * (wide + 12.0) - 12.0;
            let tall = unit.nodes.iter().map(|node| node_height(&graph.nodes[*node])).fold(0.0, f64::max);
            let inside = rows as f64 * (tall + 12.0) - 12.0;
            match unit.group {
                Some(group) => (
                    (inner + 2.0 * PAD).max((width(&title(group), LABEL) + 24.0).min(320.0)),
                    inside + TITLE + FOOT,
                    columns,
                    wide,
                ),
                None => (inner, inside, columns, wide),
            }
        })
        .collect();
    let area: f64 = sizes.iter().map(|(width, height, ..)| (width + APART) * (height + APART)).sum();
    let bottom = picture
        .nodes
        .iter()
        .chain(picture.groups.iter().map(|group| &group.rect))
        .map(|rect| rect.y + rect.height)
        .fold(0.0, f64::max);
    let bends = picture.ways.iter().flat_map(|way| &way.points).map(|point| point.1).fold(0.0, f64::max);
    let right = picture.nodes.iter().map(|rect| rect.x + rect.width).fold(0.0, f64::max);
    let limit = right.max((area * SHAPE).sqrt());
    let (mut x, mut y, mut row) =
        (MARGIN, bottom.max(bends) + if bottom > 0.0 { 2.0 * APART } else { MARGIN }, 0.0_f64);
    for (unit, (width, height, columns, wide)) in units.iter().zip(sizes) {
        if x > MARGIN && x + width > limit {
            (x, y, row) = (MARGIN, y + row + APART, 0.0);
        }
        let (left, top) = if unit.group.is_some() { (x + PAD, y + TITLE) } else { (x, y) };
        let tall = unit.nodes.iter().map(|node| node_height(&graph.nodes[*node])).fold(0.0, f64::max);
        for (place, node) in unit.nodes.iter().enumerate() {
            let (column, line) = (place % columns, place / columns);
            let x = left + column as f64 * (wide + 12.0) + (wide - widths[*node]) / 2.0;
            let y = top + line as f64 * (tall + 12.0);
            picture.nodes[*node] =
                Rect { x, y, width: widths[*node], height: node_height(&graph.nodes[*node]) };
        }
        if let Some(group) = unit.group {
            let rect = Rect { x, y, width, height };
            picture.groups.push(Group { group, rect, title: clipped(&title(group), width) });
        }
        x += width + APART;
        row = row.max(height);
    }
}
