//! In which column everything goes: layers from left to right, along the connections.

use std::collections::BTreeMap;

use crate::bundle::{Graph, NodeKind, Side};

/// What keeps together: the nodes of a box, or one node.
pub(crate) struct Unit {
    /// The namespace whose box it is.
    pub(crate) group: Option<u32>,
    /// Its nodes.
    pub(crate) nodes: Vec<usize>,
    /// Its first layer, and the number of its layers.
    pub(crate) start: usize,
    pub(crate) span: usize,
}

/// Who is in which layer.
pub(crate) struct Layers {
    pub(crate) units: Vec<Unit>,
    /// The unit of each node.
    pub(crate) unit_of: Vec<usize>,
    /// The layer of each node.
    pub(crate) layer_of: Vec<usize>,
    /// Nothing leads to or from these: they stand below all others.
    pub(crate) apart: Vec<usize>,
    pub(crate) count: usize,
}

/// How wide a picture may become.
#[derive(Clone, Copy)]
pub(crate) struct Breadth {
    /// The layers of the whole; as many as its widest box has and one more in any case.
    pub(crate) whole: usize,
    /// The layers of a box with one node for each row, as a part of the root of their number.
    pub(crate) boxes: f64,
}

pub(crate) fn layers(graph: &Graph, breadth: Breadth) -> Layers {
    let nodes = graph.nodes.len();
    let mut boxes: BTreeMap<u32, usize> = BTreeMap::new();
    let mut units: Vec<Unit> = Vec::new();
    let mut unit_of = Vec::new();
    for (number, node) in graph.nodes.iter().enumerate() {
        let next = units.len();
        let unit = node.group.map_or(next, |group| *boxes.entry(group).or_insert(next));
        if unit == next {
            units.push(Unit { group: node.group, nodes: Vec::new(), start: 0, span: 1 });
        }
        units[unit].nodes.push(number);
        unit_of.push(unit);
    }
    let mut inner = vec![0; nodes];
    for unit in &mut units {
        if unit.nodes.len() > 1 {
            unit.span = inside(graph, &unit_of, &unit.nodes, breadth.boxes, &mut inner);
        }
    }
    let mut between: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for edge in &graph.edges {
        let (from, to) = (unit_of[edge.from as usize], unit_of[edge.to as usize]);
        if from != to {
            *between.entry((from, to)).or_default() += 1;
        }
    }
    let spans: Vec<usize> = units.iter().map(|unit| unit.span).collect();
    let starts = longest(&spans, &between);
    let most = breadth.whole.max(spans.iter().max().map_or(0, |span| span + 1));
    for (unit, start) in units.iter_mut().zip(&starts) {
        unit.start = (*start).min(most - unit.span);
    }
    pull(&mut units, &between);
    let mut linked = vec![false; units.len()];
    for (from, to) in between.keys() {
        linked[*from] = true;
        linked[*to] = true;
    }
    for edge in &graph.edges {
        linked[unit_of[edge.from as usize]] = true;
    }
    let apart: Vec<usize> = (0..units.len()).filter(|unit| !linked[*unit]).collect();
    let layer_of = (0..nodes).map(|node| units[unit_of[node]].start + inner[node]).collect();
    let count = units
        .iter()
        .zip(&linked)
        .filter(|(_, linked)| **linked)
        .map(|(unit, _)| unit.start + unit.span)
        .max();
    Layers { units, unit_of, layer_of, apart, count: count.unwrap_or(0) }
}

/// The layers of a box's own nodes: hubs of destinations at its left, of sources at its right, and between them along the
/// connections. What has none of these fills it evenly.
fn inside(graph: &Graph, unit_of: &[usize], members: &[usize], breadth: f64, inner: &mut [usize]) -> usize {
    let unit = unit_of[members[0]];
    let is_hub = |node: usize| graph.nodes[node].kind == NodeKind::Hub;
    let place: BTreeMap<usize, usize> =
        members.iter().filter(|node| !is_hub(**node)).enumerate().map(|(at, node)| (*node, at)).collect();
    let pods: Vec<usize> = place.keys().copied().collect();
    let mut between: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut balance = vec![0_i64; pods.len()];
    for edge in &graph.edges {
        let (from, to) = (edge.from as usize, edge.to as usize);
        if let (Some(a), Some(b)) = (place.get(&from), place.get(&to)) {
            *between.entry((*a, *b)).or_default() += 1;
        }
        // Who talks to the own hubs is as near to them as can be.
        let weight = |other: usize| if unit_of[other] == unit { 2 } else { 1 };
        if let Some(a) = place.get(&from) {
            balance[*a] += weight(to);
        }
        if let Some(b) = place.get(&to) {
            balance[*b] -= weight(from);
        }
    }
    let ins = members.iter().any(|node| is_hub(*node) && graph.nodes[*node].side == Side::Dst);
    let outs = members.iter().any(|node| is_hub(*node) && graph.nodes[*node].side == Side::Src);
    let mut own = longest(&vec![1; pods.len()], &between);
    // As wide as high, about: deeper chains are pressed together, and lead back and forth within a layer.
    let most = ((pods.len() as f64).sqrt() * breadth).round().max(2.0) as usize;
    let deepest = own.iter().max().map_or(1, |layer| layer + 1);
    if deepest > most {
        for layer in &mut own {
            *layer = *layer * most / deepest;
        }
    }
    let mut alone: Vec<usize> =
        (0..pods.len()).filter(|at| !between.keys().any(|(a, b)| a == at || b == at)).collect();
    let linked: Vec<usize> = (0..pods.len()).filter(|at| !alone.contains(at)).collect();
    let deep = linked.iter().map(|at| own[*at] + 1).max().unwrap_or(0);
    let columns = deep.max((pods.len() as f64 / 3.5).sqrt().ceil() as usize).max(1);
    alone.sort_by_key(|at| (balance[*at], *at));
    let mut heights = vec![0; columns];
    for at in &linked {
        heights[own[*at]] += 1;
    }
    let even = pods.len().div_ceil(columns);
    for at in alone {
        let column = (0..columns).find(|column| heights[*column] < even).unwrap_or(columns - 1);
        heights[column] += 1;
        own[at] = column;
    }
    let first = usize::from(ins);
    for (node, at) in &place {
        inner[*node] = own[*at] + first;
    }
    let last = first + columns;
    for node in members.iter().filter(|node| is_hub(**node)) {
        inner[*node] = if graph.nodes[*node].side == Side::Src { last } else { 0 };
    }
    last + usize::from(outs)
}

/// The first layer of each of some spans, so that edges lead to the right. Where they go in circles, those lead back
/// that are the fewest.
fn longest(spans: &[usize], between: &BTreeMap<(usize, usize), usize>) -> Vec<usize> {
    let order = sequence(spans.len(), between);
    let mut rank = vec![0; spans.len()];
    for (place, node) in order.iter().enumerate() {
        rank[*node] = place;
    }
    let mut starts = vec![0; spans.len()];
    for node in &order {
        for (from, to) in between.keys() {
            if from == node && rank[*from] < rank[*to] {
                starts[*to] = starts[*to].max(starts[*from] + spans[*from]);
            }
        }
    }
    starts
}

/// An order in which few edges lead back: sinks go to its end, sources to its start, else who sends most.
fn sequence(count: usize, between: &BTreeMap<(usize, usize), usize>) -> Vec<usize> {
    let mut left: Vec<usize> = (0..count).collect();
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let mut degree = vec![[0_i64; 2]; count];
    for ((from, to), weight) in between {
        degree[*from][0] += *weight as i64;
        degree[*to][1] += *weight as i64;
    }
    while !left.is_empty() {
        let sink = left.iter().position(|node| degree[*node][0] == 0 && degree[*node][1] > 0);
        let source = || left.iter().position(|node| degree[*node][1] == 0);
        let most = || {
            let best = left
                .iter()
                .enumerate()
                .max_by_key(|(at, node)| (degree[**node][0] - degree[**node][1], usize::MAX - at));
            best.map_or(0, |(at, _)| at)
        };
        let at = sink.or_else(source).unwrap_or_else(most);
        let node = left.remove(at);
        for ((from, to), weight) in between {
            if *from == node {
                degree[*to][1] -= *weight as i64;
            }
            if *to == node {
                degree[*from][0] -= *weight as i64;
            }
        }
        if sink.is_some() { tail.push(node) } else { head.push(node) }
    }
    tail.reverse();
    head.extend(tail);
    head
}

/// Pulls units to the right that only send, next to the first of those that they send to.
fn pull(units: &mut [Unit], between: &BTreeMap<(usize, usize), usize>) {
    for _ in 0..units.len() {
        let mut moved = false;
        for unit in 0..units.len() {
            let receives =
                between.keys().any(|(from, to)| *to == unit && units[*from].start < units[unit].start);
            let next = between
                .keys()
                .filter(|(from, to)| *from == unit && units[*to].start > units[unit].start)
                .map(|(_, to)| units[*to].start)
                .min();
            if let (false, Some(next)) = (receives, next) {
                let start = next.saturating_sub(units[unit].span);
                if start > units[unit].start {
                    units[unit].start = start;
                    moved = true;
                }
            }
        }
        if !moved {
            return;
        }
    }
}
