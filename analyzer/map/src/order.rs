//! Who stands above whom: lines as trees that end in one place, and the heights of everything along them.

use std::collections::BTreeMap;

use crate::Line;
use crate::bundle::Graph;
use crate::layers::Layers;

/// Which way the edges of a tree go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Heading {
    /// To the right: into the left side of its node.
    Right,
    /// To the left: into the right side of its node.
    Left,
    /// From the right side into the right side, within one layer.
    Beside,
}

/// Edges that end in one place with the same ports: they share their last stretch and their label.
pub(crate) struct Tree {
    pub(crate) heading: Heading,
    pub(crate) edges: Vec<usize>,
    /// Where it ends.
    pub(crate) tip: usize,
    /// Where it passes other layers: the layer and the bend, ascending.
    pub(crate) bends: BTreeMap<usize, usize>,
}

/// A place at a side of a node where lines begin or end.
pub(crate) struct Port {
    pub(crate) node: usize,
    /// At the right side.
    pub(crate) right: bool,
    /// A label is at it: it takes as much room as that.
    pub(crate) labelled: bool,
    /// Its distance from the node's top.
    pub(crate) offset: f64,
}

impl Port {
    fn room(&self) -> f64 {
        if self.labelled { LABELLED } else { BARE }
    }
}

/// What lines lead to: a port, or a bend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Anchor {
    Port(usize),
    Bend(usize),
}

/// The lines of one tree between two layers: they share one upright stretch.
pub(crate) struct Net {
    /// It is behind this layer.
    pub(crate) channel: usize,
    pub(crate) left: Vec<Anchor>,
    pub(crate) right: Vec<Anchor>,
}

/// The room that a label takes at its port, and a line without one.
const LABELLED: f64 = 16.0;
const BARE: f64 = 10.0;
/// The height of a line that passes.
const BEND: f64 = 10.0;
/// What is left free between two nodes, and around a line.
const GAP: f64 = 16.0;
const NARROW: f64 = 7.0;
/// What a box needs above and below its nodes.
pub(crate) const TITLE: f64 = 26.0;
pub(crate) const FOOT: f64 = 14.0;

/// Something that keeps its place in the order: a unit, or a bend outside of boxes.
#[derive(Clone)]
struct Block {
    first: usize,
    last: usize,
    height: f64,
    key: f64,
    y: f64,
    is_box: bool,
    /// The items in it.
    items: Vec<usize>,
    is_bend: bool,
}

/// A node or a bend.
#[derive(Clone)]
struct Item {
    layer: usize,
    height: f64,
    key: f64,
    y: f64,
    block: usize,
    is_bend: bool,
}

/// Everything with its height.
pub(crate) struct Order {
    pub(crate) trees: Vec<Tree>,
    pub(crate) ports: Vec<Port>,
    pub(crate) nets: Vec<Net>,
    /// Where each edge begins.
    pub(crate) starts: Vec<usize>,
    pub(crate) heights: Vec<f64>,
    items: Vec<Item>,
    blocks: Vec<Block>,
    springs: Vec<(Anchor, Anchor, f64)>,
    nodes: usize,
}

/// The height of a node with so many lines of text.
pub(crate) fn plain_height(note: bool) -> f64 {
    if note { 42.0 } else { 28.0 }
}

impl Order {
    pub(crate) fn new(graph: &Graph, layers: &Layers) -> Self {
        let (trees, starts, ports, bends) = trees(graph, layers);
        let nodes = graph.nodes.len();
        let mut room = vec![[0.0_f64; 2]; nodes];
        for port in &ports {
            room[port.node][usize::from(port.right)] += port.room();
        }
        let heights: Vec<f64> = (0..nodes)
            .map(|node| {
                plain_height(!graph.nodes[node].note.is_empty())
                    .max(room[node][0] + 6.0)
                    .max(room[node][1] + 6.0)
            })
            .collect();
        let mut order = Self {
            trees,
            ports,
            nets: Vec::new(),
            starts,
            heights,
            items: Vec::new(),
            blocks: Vec::new(),
            springs: Vec::new(),
            nodes,
        };
        order.fill(graph, layers, &bends);
        order.nets = order.nets(graph, layers);
        for net in &order.nets {
            let all: Vec<Anchor> = net.left.iter().chain(&net.right).copied().collect();
            let pairs: Vec<(Anchor, Anchor)> = if net.right.is_empty() {
                all.iter().skip(1).map(|other| (all[0], *other)).collect()
            } else {
                net.left.iter().flat_map(|left| net.right.iter().map(move |right| (*left, *right))).collect()
            };
            for (a, b) in pairs {
                let bent = [a, b].iter().filter(|anchor| matches!(anchor, Anchor::Bend(_))).count();
                order.springs.push((a, b, [1.0, 2.0, 6.0][bent]));
            }
        }
        order
    }

    /// The height of an anchor.
    pub(crate) fn y(&self, anchor: Anchor) -> f64 {
        match anchor {
            Anchor::Port(port) => self.items[self.ports[port].node].y + self.ports[port].offset,
            Anchor::Bend(bend) => self.items[self.nodes + bend].y + BEND / 2.0,
        }
    }

    /// The top of a node.
    pub(crate) fn top(&self, node: usize) -> f64 {
        self.items[node].y
    }

    /// The top and the height of the block that a node is in.
    pub(crate) fn block(&self, node: usize) -> (f64, f64) {
        let block = &self.blocks[self.items[node].block];
        (block.y, block.height)
    }

    fn item_of(&self, anchor: Anchor) -> usize {
        match anchor {
            Anchor::Port(port) => self.ports[port].node,
            Anchor::Bend(bend) => self.nodes + bend,
        }
    }

    fn fill(&mut self, graph: &Graph, layers: &Layers, bends: &[(usize, usize)]) {
        for (number, unit) in layers.units.iter().enumerate() {
            self.blocks.push(Block {
                first: unit.start,
                last: unit.start + unit.span - 1,
                height: 0.0,
                key: number as f64,
                y: 0.0,
                is_box: unit.group.is_some(),
                items: unit.nodes.clone(),
                is_bend: false,
            });
        }
        for node in 0..self.nodes {
            self.items.push(Item {
                layer: layers.layer_of[node],
                height: self.heights[node],
                key: node as f64,
                y: 0.0,
                block: layers.unit_of[node],
                is_bend: false,
            });
        }
        for (number, (tree, layer)) in bends.iter().enumerate() {
            let tip = self.ports[self.trees[*tree].tip].node;
            let holds = |node: usize| {
                let unit = &layers.units[layers.unit_of[node]];
                unit.group.is_some() && (unit.start..unit.start + unit.span).contains(layer)
            };
            // A line stays in the box of its end; and in that of its start as long as all of it comes from there.
            let sources: Vec<usize> =
                self.trees[*tree].edges.iter().map(|edge| graph.edges[*edge].from as usize).collect();
            let from = layers.unit_of[sources[0]];
            let own = if holds(tip) {
                Some(layers.unit_of[tip])
            } else if sources.iter().all(|source| layers.unit_of[*source] == from && holds(*source)) {
                Some(from)
            } else {
                None
            };
            let item = self.nodes + number;
            let key =
                sources.iter().chain([&tip]).map(|node| self.blocks[layers.unit_of[*node]].key).sum::<f64>()
                    / (sources.len() + 1) as f64;
            let block = own.unwrap_or(self.blocks.len());
            if own.is_some() {
                self.blocks[block].items.push(item);
            } else {
                self.blocks.push(Block {
                    first: *layer,
                    last: *layer,
                    height: BEND,
                    key,
                    y: 0.0,
                    is_box: false,
                    items: vec![item],
                    is_bend: true,
                });
            }
            self.items.push(Item { layer: *layer, height: BEND, key, y: 0.0, block, is_bend: true });
        }
    }

    fn nets(&self, graph: &Graph, layers: &Layers) -> Vec<Net> {
        let mut nets = Vec::new();
        for tree in &self.trees {
            let tip = Anchor::Port(tree.tip);
            let target = layers.layer_of[self.ports[tree.tip].node];
            let mut sources: BTreeMap<usize, Vec<Anchor>> = BTreeMap::new();
            for edge in &tree.edges {
                let layer = layers.layer_of[graph.edges[*edge].from as usize];
                let anchors = sources.entry(layer).or_default();
                let start = Anchor::Port(self.starts[*edge]);
                if !anchors.contains(&start) {
                    anchors.push(start);
                }
            }
            let bend = |layer: usize| tree.bends.get(&layer).map(|bend| Anchor::Bend(*bend));
            let at = |layer: usize| sources.get(&layer).cloned().unwrap_or_default();
            match tree.heading {
                Heading::Beside => {
                    let mut left = at(target);
                    left.insert(0, tip);
                    nets.push(Net { channel: target, left, right: Vec::new() });
                }
                Heading::Right => {
                    let first = sources.keys().next().copied().unwrap_or(target);
                    for channel in first..target {
                        let left: Vec<Anchor> = bend(channel).into_iter().chain(at(channel)).collect();
                        nets.push(Net { channel, left, right: vec![bend(channel + 1).unwrap_or(tip)] });
                    }
                }
                Heading::Left => {
                    let last = sources.keys().next_back().copied().unwrap_or(target);
                    for channel in target..last {
                        let right: Vec<Anchor> =
                            bend(channel + 1).into_iter().chain(at(channel + 1)).collect();
                        nets.push(Net { channel, left: vec![bend(channel).unwrap_or(tip)], right });
                    }
                }
            }
        }
        nets
    }

    /// Orders and places everything, keeping the best that it meets; the more careful, the longer that takes.
    pub(crate) fn settle(&mut self, careful: bool) {
        self.place();
        let mut best = (self.cost(), self.keys());
        let rounds = if self.items.len() > 400 { 4 } else { 12 };
        for round in 0..rounds {
            self.rekey(round % 3);
            self.place();
            let cost = self.cost();
            if cost < best.0 {
                best = (cost, self.keys());
            }
        }
        self.set_keys(&best.1);
        self.place();
        if careful {
            self.swap(best.0);
        }
        self.align();
    }

    /// Lines up what can stand exactly at the height of what it leads to, and makes boxes as low as they can be.
    fn align(&mut self) {
        let order = self.sorted();
        let columns = self.columns();
        let inner = self.inner();
        let mut before = vec![(None, None); self.items.len()];
        let mut around = vec![Vec::new(); self.blocks.len()];
        for column in &inner {
            for (place, item) in column.iter().enumerate() {
                before[*item] =
                    (place.checked_sub(1).map(|place| column[place]), column.get(place + 1).copied());
            }
        }
        for column in &columns {
            for (place, block) in column.iter().enumerate() {
                around[*block]
                    .push((place.checked_sub(1).map(|place| column[place]), column.get(place + 1).copied()));
            }
        }
        let mut springs: Vec<Vec<usize>> = vec![Vec::new(); self.items.len()];
        for (number, (a, b, _)) in self.springs.iter().enumerate() {
            springs[self.item_of(*a)].push(number);
            springs[self.item_of(*b)].push(number);
        }
        let runs = self.runs();
        for _ in 0..6 {
            for block in &order {
                if self.blocks[*block].is_bend {
                    continue;
                }
                let items = self.blocks[*block].items.clone();
                let range = self.room_of_block(*block, &around[*block]);
                if let Some(way) = self.step(&items, &springs, range) {
                    let y = self.blocks[*block].y + way;
                    self.drop_at(*block, y);
                }
            }
            for item in inner.iter().flatten() {
                let range = self.room_of_item(*item, before[*item]);
                if let Some(way) = self.step(&[*item], &springs, range) {
                    self.items[*item].y += way;
                }
            }
            for run in &runs {
                // All bends of a run come to one height, where there is one for them.
                let level = self.items[run[0]].y;
                let range = run.iter().fold((f64::MIN, f64::MAX), |(low, high), item| {
                    let own = if self.blocks[self.items[*item].block].is_box {
                        self.room_of_item(*item, before[*item])
                    } else {
                        self.room_of_block(self.items[*item].block, &around[self.items[*item].block])
                    };
                    let shift = self.items[*item].y - level;
                    (low.max(own.0 + shift), high.min(own.1 + shift))
                });
                if range.0 > range.1 {
                    continue;
                }
                let way = 0.0_f64.max(range.0).min(range.1);
                for item in run {
                    self.lift(*item, level + way);
                }
                if let Some(more) = self.step(run, &springs, (range.0 - way, range.1 - way)) {
                    for item in run {
                        self.lift(*item, level + way + more);
                    }
                }
            }
        }
        // Whole numbers: what is level is so exactly.
        for item in &mut self.items {
            item.y = item.y.round();
        }
        for port in &mut self.ports {
            port.offset = port.offset.round();
        }
        self.shrink();
    }

    /// The bends that follow each other on a tree.
    fn runs(&self) -> Vec<Vec<usize>> {
        let mut runs: Vec<Vec<usize>> = Vec::new();
        for tree in &self.trees {
            let mut last = None;
            for (layer, bend) in &tree.bends {
                let item = self.nodes + bend;
                match (runs.last_mut(), last) {
                    (Some(run), Some(before)) if before + 1 == *layer => run.push(item),
                    _ => runs.push(vec![item]),
                }
                last = Some(*layer);
            }
        }
        runs
    }

    fn lift(&mut self, item: usize, y: f64) {
        self.items[item].y = y;
        if !self.blocks[self.items[item].block].is_box {
            let block = self.items[item].block;
            self.blocks[block].y = y;
        }
    }

    /// How far up and down a block can go.
    fn room_of_block(&self, block: usize, around: &[(Option<usize>, Option<usize>)]) -> (f64, f64) {
        let of = &self.blocks[block];
        let (mut low, mut high) = (-of.y, f64::MAX);
        for (above, below) in around {
            if let Some(other) = above.map(|above| &self.blocks[above]) {
                low = low.max(other.y + other.height + gap(other.is_bend || of.is_bend) - of.y);
            }
            if let Some(other) = below.map(|below| &self.blocks[below]) {
                high = high.min(other.y - gap(other.is_bend || of.is_bend) - of.height - of.y);
            }
        }
        (low, high)
    }

    /// How far up and down an item can go within its box.
    fn room_of_item(&self, item: usize, (above, below): (Option<usize>, Option<usize>)) -> (f64, f64) {
        let of = &self.items[item];
        let block = &self.blocks[of.block];
        let low = above.map_or(block.y + TITLE, |above| {
            let other = &self.items[above];
            other.y + other.height + gap(other.is_bend || of.is_bend)
        });
        let high = below.map_or(block.y + block.height - FOOT, |below| {
            let other = &self.items[below];
            other.y - gap(other.is_bend || of.is_bend)
        });
        (low - of.y, high - of.height - of.y)
    }

    /// By how much some items are to be moved together so that most of their lines are level.
    fn step(&self, items: &[usize], springs: &[Vec<usize>], (low, high): (f64, f64)) -> Option<f64> {
        let mut ways: Vec<(f64, f64)> = Vec::new();
        for spring in items.iter().flat_map(|item| &springs[*item]) {
            let (a, b, weight) = self.springs[*spring];
            let own = [a, b].map(|anchor| items.contains(&self.item_of(anchor)));
            let way = self.y(b) - self.y(a);
            match own {
                [true, false] => ways.push((way, weight)),
                [false, true] => ways.push((-way, weight)),
                _ => {}
            }
        }
        let level = |at: f64| {
            ways.iter().filter(|(way, _)| (way - at).abs() < 0.5).map(|(_, weight)| weight).sum::<f64>()
        };
        let best = ways
            .iter()
            .map(|(way, _)| *way)
            .filter(|way| (low..=high).contains(way))
            .max_by(|a, b| level(*a).total_cmp(&level(*b)).then(b.abs().total_cmp(&a.abs())))?;
        (level(best) > level(0.0)).then_some(best)
    }

    /// Takes away what is empty at the top and at the bottom of boxes.
    fn shrink(&mut self) {
        for block in 0..self.blocks.len() {
            if self.blocks[block].is_box {
                let items = self.blocks[block].items.iter().map(|item| &self.items[*item]);
                let (top, bottom) = items.fold((f64::MAX, f64::MIN), |(top, bottom), item| {
                    (top.min(item.y), bottom.max(item.y + item.height))
                });
                self.blocks[block].y = top - TITLE;
                self.blocks[block].height = bottom + FOOT - (top - TITLE);
            }
        }
        let top = self.blocks.iter().map(|block| block.y).fold(f64::MAX, f64::min);
        for block in &mut self.blocks {
            block.y -= top;
        }
        for item in &mut self.items {
            item.y -= top;
        }
    }

    fn keys(&self) -> (Vec<f64>, Vec<f64>) {
        (
            self.blocks.iter().map(|block| block.key).collect(),
            self.items.iter().map(|item| item.key).collect(),
        )
    }

    fn set_keys(&mut self, (blocks, items): &(Vec<f64>, Vec<f64>)) {
        for (block, key) in self.blocks.iter_mut().zip(blocks) {
            block.key = *key;
        }
        for (item, key) in self.items.iter_mut().zip(items) {
            item.key = *key;
        }
    }

    /// Exchanges neighbours as long as that makes the picture better.
    fn swap(&mut self, mut cost: f64) {
        let mut tries =
            if self.items.len() > 250 { 0 } else { 24_000 / (self.items.len() + self.springs.len() + 1) };
        for _ in 0..4 {
            let before = cost;
            for (columns, of_items) in [(self.columns(), false), (self.inner(), true)] {
                for column in columns {
                    for pair in column.windows(2) {
                        if tries == 0 {
                            return self.place();
                        }
                        tries -= 1;
                        self.exchange(pair, of_items);
                        self.place();
                        let next = self.cost();
                        if next < cost {
                            cost = next;
                        } else {
                            self.exchange(pair, of_items);
                        }
                    }
                }
            }
            self.place();
            if cost >= before {
                return;
            }
        }
    }

    fn exchange(&mut self, pair: &[usize], of_items: bool) {
        let (a, b) = (pair[0], pair[1]);
        if of_items {
            let key = self.items[a].key;
            self.items[a].key = self.items[b].key;
            self.items[b].key = key;
        } else {
            let key = self.blocks[a].key;
            self.blocks[a].key = self.blocks[b].key;
            self.blocks[b].key = key;
        }
    }

    /// The blocks of each layer, from top to bottom.
    fn columns(&self) -> Vec<Vec<usize>> {
        let layers = self.blocks.iter().map(|block| block.last + 1).max().unwrap_or(0);
        let mut columns = vec![Vec::new(); layers];
        for block in self.sorted() {
            for column in &mut columns[self.blocks[block].first..=self.blocks[block].last] {
                column.push(block);
            }
        }
        columns
    }

    fn sorted(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.blocks.len()).collect();
        order.sort_by(|a, b| self.blocks[*a].key.total_cmp(&self.blocks[*b].key).then(a.cmp(b)));
        order
    }

    /// The items of each layer of each box, from top to bottom.
    fn inner(&self) -> Vec<Vec<usize>> {
        let mut columns = Vec::new();
        for block in self.blocks.iter().filter(|block| block.is_box) {
            for layer in block.first..=block.last {
                let mut column: Vec<usize> =
                    block.items.iter().filter(|item| self.items[**item].layer == layer).copied().collect();
                column.sort_by(|a, b| self.items[*a].key.total_cmp(&self.items[*b].key).then(a.cmp(b)));
                columns.push(column);
            }
        }
        columns
    }

    fn place(&mut self) {
        let inner = self.inner();
        for column in &inner {
            let mut y = TITLE;
            let mut before = None;
            for item in column {
                y += before.map_or(0.0, |before: bool| gap(before || self.items[*item].is_bend));
                self.items[*item].y = y;
                y += self.items[*item].height;
                before = Some(self.items[*item].is_bend);
            }
        }
        for block in 0..self.blocks.len() {
            let of = &self.blocks[block];
            let bottom = of
                .items
                .iter()
                .map(|item| if of.is_box { self.items[*item].y } else { 0.0 } + self.items[*item].height)
                .fold(0.0, f64::max);
            let foot = if of.is_box { FOOT } else { 0.0 };
            self.blocks[block].height = bottom + foot;
            self.blocks[block].y = 0.0;
        }
        let order = self.sorted();
        let columns = self.columns();
        let mut sky = vec![(0.0_f64, None::<bool>); columns.len()];
        for block in &order {
            let of = &self.blocks[*block];
            let top = sky[of.first..=of.last]
                .iter()
                .map(|(y, before)| y + before.map_or(0.0, |before| gap(before || of.is_bend)))
                .fold(0.0, f64::max);
            let bottom = top + of.height;
            for place in &mut sky[of.first..=of.last] {
                *place = (bottom, Some(of.is_bend));
            }
            self.drop_at(*block, top);
        }
        self.ports();
        for pass in 0..8 {
            self.relax(&order, &columns, pass % 2 == 0);
            self.relax_inner(&inner, pass % 2 == 0);
            if pass % 3 == 2 {
                self.ports();
            }
        }
        self.ports();
    }

    /// Puts a block with all that is in it at a height.
    fn drop_at(&mut self, block: usize, y: f64) {
        for item in self.blocks[block].items.clone() {
            self.items[item].y =
                if self.blocks[block].is_box { self.items[item].y - self.blocks[block].y + y } else { y };
        }
        self.blocks[block].y = y;
    }

    /// Moves blocks to where their lines are straight, as far as their neighbours let them.
    fn relax(&mut self, order: &[usize], columns: &[Vec<usize>], upwards: bool) {
        let pulls = self.pulls(
            |items, a, b| items[a].block != items[b].block,
            |items, item| items[item].block,
            self.blocks.len(),
        );
        let mut range = [(0.0_f64, f64::MAX)];
        let mut places: Vec<BTreeMap<usize, usize>> = Vec::new();
        for column in columns {
            places.push(column.iter().enumerate().map(|(place, block)| (*block, place)).collect());
        }
        let sequence: Vec<usize> =
            if upwards { order.iter().rev().copied().collect() } else { order.to_vec() };
        for block in sequence {
            let Some(pull) = pulls[block] else { continue };
            range[0] = (0.0, f64::MAX);
            let of = &self.blocks[block];
            for layer in of.first..=of.last {
                let place = places[layer].get(&block).copied().unwrap_or(0);
                if let Some(before) = place.checked_sub(1).and_then(|place| columns[layer].get(place)) {
                    let other = &self.blocks[*before];
                    range[0].0 = range[0].0.max(other.y + other.height + gap(other.is_bend || of.is_bend));
                }
                if let Some(after) = columns[layer].get(place + 1) {
                    let other = &self.blocks[*after];
                    range[0].1 = range[0].1.min(other.y - of.height - gap(other.is_bend || of.is_bend));
                }
            }
            let y = (of.y + pull).min(range[0].1).max(range[0].0);
            self.drop_at(block, y);
        }
    }

    fn relax_inner(&mut self, columns: &[Vec<usize>], upwards: bool) {
        let pulls = self.pulls(|_, a, b| a != b, |_, item| item, self.items.len());
        for column in columns {
            let places: Vec<usize> =
                if upwards { (0..column.len()).rev().collect() } else { (0..column.len()).collect() };
            for place in places {
                let item = column[place];
                let Some(pull) = pulls[item] else { continue };
                let of = &self.items[item];
                let block = &self.blocks[of.block];
                let low = place.checked_sub(1).map_or(block.y + TITLE, |before| {
                    let other = &self.items[column[before]];
                    other.y + other.height + gap(other.is_bend || of.is_bend)
                });
                let high = column.get(place + 1).map_or(block.y + block.height - FOOT - of.height, |after| {
                    let other = &self.items[*after];
                    other.y - of.height - gap(other.is_bend || of.is_bend)
                });
                self.items[item].y = (of.y + pull).min(high).max(low);
            }
        }
    }

    /// How far lines pull everything up or down.
    fn pulls(
        &self,
        apart: impl Fn(&[Item], usize, usize) -> bool,
        of: impl Fn(&[Item], usize) -> usize,
        count: usize,
    ) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0.0); count];
        for (a, b, weight) in &self.springs {
            let (one, other) = (self.item_of(*a), self.item_of(*b));
            if !apart(&self.items, one, other) {
                continue;
            }
            let way = self.y(*b) - self.y(*a);
            for (item, way) in [(one, way), (other, -way)] {
                let sum: &mut (f64, f64) = &mut sums[of(&self.items, item)];
                sum.0 += way * weight;
                sum.1 += weight;
            }
        }
        sums.into_iter().map(|(sum, weight)| (weight > 0.0).then(|| sum / weight)).collect()
    }

    /// A new order: everything by where its lines want it to be, those to the left, to the right, or all of them.
    fn rekey(&mut self, which: usize) {
        let counts = |layer: usize, other: usize| match which {
            0 => other < layer,
            1 => other > layer,
            _ => true,
        };
        let blocks = self.pulls(
            |items, a, b| items[a].block != items[b].block,
            |items, item| items[item].block,
            self.blocks.len(),
        );
        let items = {
            let mut sums = vec![(0.0, 0.0); self.items.len()];
            for (a, b, weight) in &self.springs {
                let (one, other) = (self.item_of(*a), self.item_of(*b));
                let way = self.y(*b) - self.y(*a);
                for (item, other, way) in [(one, other, way), (other, one, -way)] {
                    if counts(self.items[item].layer, self.items[other].layer) {
                        sums[item].0 += way * weight;
                        sums[item].1 += weight;
                    }
                }
            }
            sums
        };
        for (block, pull) in self.blocks.iter_mut().zip(blocks) {
            block.key = block.y + block.height / 2.0 + pull.unwrap_or(0.0);
        }
        for (item, (sum, weight)) in self.items.iter_mut().zip(items) {
            item.key = item.y + item.height / 2.0 + if weight > 0.0 { sum / weight } else { 0.0 };
        }
    }

    /// Puts the ports of each side of each node in the order of what they lead to.
    fn ports(&mut self) {
        let mut sums = vec![(0.0, 0.0); self.ports.len()];
        for (a, b, _) in &self.springs {
            for (own, other) in [(a, b), (b, a)] {
                if let Anchor::Port(port) = own {
                    sums[*port].0 += self.y(*other);
                    sums[*port].1 += 1.0;
                }
            }
        }
        let mut sides: BTreeMap<(usize, bool), Vec<(f64, usize)>> = BTreeMap::new();
        for (number, port) in self.ports.iter().enumerate() {
            let (sum, count) = sums[number];
            sides
                .entry((port.node, port.right))
                .or_default()
                .push((if count > 0.0 { sum / count } else { 0.0 }, number));
        }
        for ((node, _), mut ports) in sides {
            ports.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let all: f64 = ports.iter().map(|(_, port)| self.ports[*port].room()).sum();
            let mut y = (self.heights[node] - all) / 2.0;
            for (_, port) in ports {
                let room = self.ports[port].room();
                self.ports[port].offset = y + room / 2.0;
                y += room;
            }
        }
    }

    /// How bad the picture is.
    fn cost(&self) -> f64 {
        let (crossings, length) = self.measure();
        crossings as f64 * 60.0 + length
    }

    /// How many lines cross, about, and how far they go up and down.
    pub(crate) fn measure(&self) -> (usize, f64) {
        let channels = self.nets.iter().map(|net| net.channel + 1).max().unwrap_or(0);
        let mut lines: Vec<Vec<(f64, f64)>> = vec![Vec::new(); channels];
        let mut length = 0.0;
        for net in &self.nets {
            let ends: Vec<f64> = net.left.iter().chain(&net.right).map(|anchor| self.y(*anchor)).collect();
            let (low, high) = span(&ends);
            length += high - low;
            for left in &net.left {
                for right in &net.right {
                    lines[net.channel].push((self.y(*left), self.y(*right)));
                }
            }
            if net.right.is_empty() {
                length += high - low;
            }
        }
        let mut crossings = 0;
        for lines in lines {
            for (place, a) in lines.iter().enumerate() {
                crossings += lines[place + 1..].iter().filter(|b| (a.0 - b.0) * (a.1 - b.1) < 0.0).count();
            }
        }
        (crossings, length)
    }
}

fn gap(narrow: bool) -> f64 {
    if narrow { NARROW } else { GAP }
}

/// The least and the greatest.
pub(crate) fn span(all: &[f64]) -> (f64, f64) {
    all.iter().fold((f64::MAX, f64::MIN), |(low, high), y| (low.min(*y), high.max(*y)))
}

type Built = (Vec<Tree>, Vec<usize>, Vec<Port>, Vec<(usize, usize)>);

/// The trees of a graph, where each edge begins, the ports, and for each bend its tree and its layer.
fn trees(graph: &Graph, layers: &Layers) -> Built {
    let mut trees: Vec<Tree> = Vec::new();
    let mut ports: Vec<Port> = Vec::new();
    let mut starts = Vec::new();
    let mut ends: BTreeMap<(u32, Heading, Line, &str), usize> = BTreeMap::new();
    let mut outs: BTreeMap<(u32, bool, Line, &str), usize> = BTreeMap::new();
    for (number, edge) in graph.edges.iter().enumerate() {
        let (from, to) = (layers.layer_of[edge.from as usize], layers.layer_of[edge.to as usize]);
        let heading = match from.cmp(&to) {
            std::cmp::Ordering::Less => Heading::Right,
            std::cmp::Ordering::Greater => Heading::Left,
            std::cmp::Ordering::Equal => Heading::Beside,
        };
        let tree = *ends.entry((edge.to, heading, edge.line, &edge.label)).or_insert_with(|| {
            ports.push(Port {
                node: edge.to as usize,
                right: heading != Heading::Right,
                labelled: true,
                offset: 0.0,
            });
            trees.push(Tree { heading, edges: Vec::new(), tip: ports.len() - 1, bends: BTreeMap::new() });
            trees.len() - 1
        });
        trees[tree].edges.push(number);
        let right = heading != Heading::Left;
        let start = *outs.entry((edge.from, right, edge.line, &edge.label)).or_insert_with(|| {
            ports.push(Port { node: edge.from as usize, right, labelled: false, offset: 0.0 });
            ports.len() - 1
        });
        starts.push(start);
    }
    let mut bends = Vec::new();
    for (number, tree) in trees.iter_mut().enumerate() {
        let target = layers.layer_of[ports[tree.tip].node];
        let sources = tree.edges.iter().map(|edge| layers.layer_of[graph.edges[*edge].from as usize]);
        let passed = match tree.heading {
            Heading::Right => sources.min().map_or(0..0, |first| first + 1..target),
            Heading::Left => sources.max().map_or(0..0, |last| target + 1..last),
            Heading::Beside => 0..0,
        };
        for layer in passed {
            tree.bends.insert(layer, bends.len());
            bends.push((number, layer));
        }
    }
    (trees, starts, ports, bends)
}
