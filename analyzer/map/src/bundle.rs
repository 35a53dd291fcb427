//! What is drawn: what many share as one edge between hubs, and namespaces folded where there is no room.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::{fitted, listed, said};
use crate::{EndKind, Fold, Line, Scene};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// One workload, or the pods of one that policies tell apart.
    Pods,
    /// A namespace, folded.
    Group,
    /// Several nodes that are together at one end of an edge.
    Hub,
    /// Addresses outside of the cluster.
    Outside,
    /// Anything else.
    Other,
}

/// Something that is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// It stands for its ends as sources, as destinations, or as both.
    pub side: Side,
    /// Its name, as it is written.
    pub label: String,
    /// What stands below its name.
    pub note: String,
    /// The box that it is in.
    pub group: Option<u32>,
    /// The ends that it stands for, ascending.
    pub ends: Vec<u32>,
    /// Those of them that may send everything to every address outside: a mark, and not an edge.
    pub leaves: Vec<u32>,
    /// What passes among its own ends, where it is a namespace or a hub of everybody.
    pub within: String,
}

/// Which ends of edges a node can be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Both.
    Both,
    /// It is a source only.
    Src,
    /// It is a destination only.
    Dst,
}

/// Connections that are drawn as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The node that it comes from.
    pub from: u32,
    /// The node that it goes to.
    pub to: u32,
    /// How it is drawn.
    pub line: Line,
    /// What its links are of, ascending. It stands for every link of these from an end of the one to an end of the other,
    /// but for what is inside of a folded namespace.
    pub styles: Vec<u32>,
    /// The links that it stands for.
    pub links: u32,
    /// Its ports, as they are written.
    pub label: String,
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Everything that is drawn.
    pub nodes: Vec<Node>,
    /// The lines.
    pub edges: Vec<Edge>,
    /// What passes among all workloads of a namespace that is not folded: it is written at its name.
    pub among: Vec<(u32, String)>,
    /// What passes among all namespaces that are folded.
    pub between: Option<String>,
    /// The links that what is said by `among`, `between`, marks and folded namespaces stands for; those that do not pass are
    /// not counted.
    pub said: u32,
    /// The namespaces that are folded.
    pub folded: BTreeSet<u32>,
}

/// More nodes or edges than these are folded.
const MOST_NODES: usize = 60;
const MOST_EDGES: usize = 90;
/// More workloads than these are folded although they are of one namespace.
const MOST_OF_ONE: usize = 400;
/// A whole family of so many is a hub.
const WHOLE: usize = 3;
/// So many of a family are one in any case.
const MANY: usize = 6;
/// What many different families share is of everybody.
const FAMILIES: usize = 3;

/// Whom a node is one of: hubs stand for members of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    /// The workloads of a namespace.
    Group(u32),
    /// The folded namespaces.
    Folded,
    /// Addresses outside, as sources or as destinations.
    Outside(Side),
    /// Itself.
    Alone(u32),
    /// Workloads and namespaces of all of these.
    Everybody,
}

/// What is drawn of a scene.
pub fn bundle(scene: &Scene, fold: &Fold) -> Graph {
    let all: BTreeSet<u32> = (0..scene.groups.len() as u32).collect();
    let folded = match fold {
        Fold::AllBut(open) => all.difference(open).copied().collect(),
        Fold::Auto => {
            let mut seen: Vec<bool> = scene.ends.iter().map(|end| end.listed).collect();
            for link in &scene.links {
                seen[link.src as usize] = true;
                seen[link.dst as usize] = true;
            }
            let drawn =
                || scene.ends.iter().zip(&seen).filter(|(end, seen)| **seen && end.kind == EndKind::Pods);
            let groups: BTreeSet<u32> = drawn().filter_map(|(end, _)| end.group).collect();
            let count = drawn().count();
            if count <= MOST_NODES || groups.len() < 2 && count <= MOST_OF_ONE {
                let whole = Bundler::new(scene, BTreeSet::new()).graph(false);
                if groups.len() < 2 || (whole.nodes.len() <= MOST_NODES && whole.edges.len() <= MOST_EDGES) {
                    return readable(scene, BTreeSet::new(), whole);
                }
            }
            all
        }
    };
    let graph = Bundler::new(scene, folded.clone()).graph(false);
    readable(scene, folded, graph)
}

/// The graph; where it has too many edges, one whose edges do not tell ports apart.
fn readable(scene: &Scene, folded: BTreeSet<u32>, graph: Graph) -> Graph {
    if graph.edges.len() <= MOST_EDGES {
        return graph;
    }
    let coarse = Bundler::new(scene, folded).graph(true);
    if coarse.edges.len() * 2 <= graph.edges.len() { coarse } else { graph }
}

/// What is between two nodes: how it is drawn, and the styles of its links.
type Kind = (Line, Vec<u32>);

/// The links from one node to another that are drawn alike.
struct Between {
    key: (u32, u32, Line),
    /// Ascending.
    styles: Vec<u32>,
    links: u32,
}

struct Bundler<'a> {
    scene: &'a Scene,
    folded: BTreeSet<u32>,
    graph: Graph,
    families: Vec<Family>,
    /// The members of each family.
    members: BTreeMap<Family, Vec<u32>>,
    hubs: BTreeMap<(Family, Side, Vec<u32>), u32>,
}

impl<'a> Bundler<'a> {
    fn new(scene: &'a Scene, folded: BTreeSet<u32>) -> Self {
        Self {
            scene,
            folded,
            graph: Graph::default(),
            families: Vec::new(),
            members: BTreeMap::new(),
            hubs: BTreeMap::new(),
        }
    }

    fn graph(mut self, coarse: bool) -> Graph {
        let leaves = self.leaves();
        let scene = self.scene;
        let node_of = self.nodes(&leaves);
        // What is between two nodes, link by link.
        let mut parts: Vec<(u32, u32, Line, u32)> = Vec::with_capacity(scene.links.len());
        let mut within: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let mut touched = vec![false; self.graph.nodes.len()];
        let mut dropped = 0;
        for link in &scene.links {
            let style = &scene.styles[link.style as usize];
            if link.src == link.dst {
                continue;
            }
            if is_mark(scene, link.src, link.dst, style.all, style.line) && leaves[link.src as usize] {
                dropped += 1;
                continue;
            }
            let (from, to) = (node_of[0][link.src as usize], node_of[1][link.dst as usize]);
            touched[from as usize] = true;
            touched[to as usize] = true;
            if from == to {
                // What does not pass is not what passes inside: findings about it are counted at the node.
                if style.line.passes() {
                    within.entry(from).or_default().insert(link.style);
                    dropped += 1;
                }
                continue;
            }
            parts.push((from, to, style.line, link.style));
        }
        parts.sort_unstable();
        let mut between: Vec<Between> = Vec::new();
        for (from, to, line, style) in parts {
            match between.last_mut() {
                Some(last) if last.key == (from, to, line) => {
                    if last.styles.last() != Some(&style) {
                        last.styles.push(style);
                    }
                    last.links += 1;
                }
                _ => between.push(Between { key: (from, to, line), styles: vec![style], links: 1 }),
            }
        }
        self.graph.said = dropped;
        for (node, styles) in within {
            let styles: Vec<u32> = styles.into_iter().collect();
            self.graph.nodes[node as usize].within = self.label(&styles);
        }
        self.edges(&between, coarse);
        self.graph.folded = self.folded;
        let used: BTreeSet<u32> = self.graph.edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
        without_unused(&mut self.graph, &used, &touched, scene);
        self.graph
    }

    /// Which ends may send everything to every address outside.
    fn leaves(&self) -> Vec<bool> {
        let outside = self.scene.ends.iter().filter(|end| end.kind == EndKind::Outside).count();
        let mut counts = vec![0; self.scene.ends.len()];
        for link in &self.scene.links {
            let style = &self.scene.styles[link.style as usize];
            if is_mark(self.scene, link.src, link.dst, style.all, style.line) {
                counts[link.src as usize] += 1;
            }
        }
        counts.into_iter().map(|count| outside > 0 && count == outside).collect()
    }

    /// The node of each end as a source, and as a destination.
    fn nodes(&mut self, leaves: &[bool]) -> [Vec<u32>; 2] {
        let mut of_group: BTreeMap<u32, u32> = BTreeMap::new();
        let mut node_of = [Vec::new(), Vec::new()];
        for (index, end) in self.scene.ends.iter().enumerate() {
            let index = index as u32;
            let leaving = if leaves[index as usize] { vec![index] } else { Vec::new() };
            let plain = |kind, side, group| Node {
                kind,
                side,
                label: if end.kind == EndKind::Pods { fitted(&end.label) } else { said(&end.label) },
                note: said(&end.note),
                group,
                ends: vec![index],
                leaves: leaving.clone(),
                within: String::new(),
            };
            let number = self.graph.nodes.len() as u32;
            let (src, dst) = match (end.kind, end.group) {
                (EndKind::Pods, Some(group)) if self.folded.contains(&group) => {
                    let node = *of_group.entry(group).or_insert(number);
                    if node == number {
                        let name = fitted(&self.scene.groups[group as usize]);
                        self.add(
                            Node {
                                label: name,
                                note: String::new(),
                                ..plain(NodeKind::Group, Side::Both, None)
                            },
                            Family::Folded,
                        );
                    } else {
                        let known = &mut self.graph.nodes[node as usize];
                        known.ends.push(index);
                        known.leaves.extend(&leaving);
                    }
                    (node, node)
                }
                (EndKind::Pods, group) => {
                    let family = group.map_or(Family::Alone(number), Family::Group);
                    self.add(plain(NodeKind::Pods, Side::Both, group), family);
                    (number, number)
                }
                (kind, _) => {
                    let outside = kind == EndKind::Outside;
                    let drawn = if outside { NodeKind::Outside } else { NodeKind::Other };
                    for side in [Side::Src, Side::Dst] {
                        let next = self.graph.nodes.len() as u32;
                        let family = if outside { Family::Outside(side) } else { Family::Alone(next) };
                        self.add(plain(drawn, side, None), family);
                    }
                    (number, number + 1)
                }
            };
            node_of[0].push(src);
            node_of[1].push(dst);
        }
        for node in &mut self.graph.nodes {
            if node.kind == NodeKind::Group {
                let count = node.ends.len();
                node.note = format!("{count} workload{}", if count == 1 { "" } else { "s" });
            }
        }
        node_of
    }

    fn add(&mut self, node: Node, family: Family) {
        let number = self.graph.nodes.len() as u32;
        self.members.entry(family).or_default().push(number);
        if node.side == Side::Both {
            self.members.entry(Family::Everybody).or_default().push(number);
        }
        self.families.push(family);
        self.graph.nodes.push(node);
    }

    fn edges(&mut self, between: &[Between], coarse: bool) {
        // The sources of each node, by what comes from them: ascending, as what is between nodes is.
        let mut sources: BTreeMap<(u32, Kind), Vec<u32>> = BTreeMap::new();
        for Between { key: (from, to, line), styles, .. } in between {
            let styles = if coarse { Vec::new() } else { styles.clone() };
            sources.entry((*to, (*line, styles))).or_default().push(*from);
        }
        // Nodes with the same sources of the same are the destinations of one bundle.
        let mut bundles: BTreeMap<(Kind, Vec<u32>), Vec<u32>> = BTreeMap::new();
        for ((to, kind), mut from) in sources {
            // Nobody is asked about connections to itself: of all, it is one.
            let family = self.families[to as usize];
            let all = self.members.get(&family).map_or(&[][..], Vec::as_slice);
            if let Err(place) = from.binary_search(&to)
                && all.len() >= WHOLE
                && all.iter().all(|member| *member == to || from.binary_search(member).is_ok())
            {
                from.insert(place, to);
            }
            bundles.entry((kind, from)).or_default().push(to);
        }
        for (((line, _), from), to) in bundles {
            let sources = self.terms(&from, Side::Src, to.len());
            let destinations = self.terms(&to, Side::Dst, from.len());
            for (from, from_members) in &sources {
                for (to, to_members) in &destinations {
                    let mut styles: BTreeSet<u32> = BTreeSet::new();
                    let mut links = 0;
                    for pair in from_members
                        .iter()
                        .flat_map(|from| to_members.iter().map(move |to| (*from, *to, line)))
                    {
                        if let Ok(place) = between.binary_search_by(|one| one.key.cmp(&pair)) {
                            styles.extend(&between[place].styles);
                            links += between[place].links;
                        }
                    }
                    if links > 0 {
                        let styles: Vec<u32> = styles.into_iter().collect();
                        let label = self.label(&styles);
                        self.edge(Edge { from: *from, to: *to, line, styles, links, label });
                    }
                }
            }
        }
    }

    /// An edge, unless it says what all of a family does among itself.
    fn edge(&mut self, edge: Edge) {
        let [from, to] = [edge.from, edge.to].map(|node| self.hubs.iter().find(|(_, hub)| **hub == node));
        if let (Some(((family, _, from), _)), Some(((other, _, to), _))) = (from, to) {
            let whole = self.members.get(family).is_some_and(|members| members == from);
            if edge.line == Line::Allowed && family == other && from == to && whole {
                match family {
                    Family::Group(group) => self.graph.among.push((*group, edge.label)),
                    Family::Folded if self.graph.between.is_none() => self.graph.between = Some(edge.label),
                    _ => return self.graph.edges.push(edge),
                }
                self.graph.said += edge.links;
                return;
            }
        }
        self.graph.edges.push(edge);
    }

    /// The nodes that stand for one side of a bundle, each with the members that it stands for.
    fn terms(&mut self, all: &[u32], side: Side, others: usize) -> Vec<(u32, Vec<u32>)> {
        let mut parts: BTreeMap<Family, Vec<u32>> = BTreeMap::new();
        for node in all {
            parts.entry(self.families[*node as usize]).or_default().push(*node);
        }
        let everybody = self.members.get(&Family::Everybody).map_or(0, Vec::len);
        let (inside, rest): (Vec<u32>, Vec<u32>) =
            all.iter().partition(|node| self.graph.nodes[**node as usize].side == Side::Both);
        let families =
            parts.keys().filter(|family| matches!(family, Family::Group(_) | Family::Folded)).count();
        let shared = families >= FAMILIES && inside.len() > MANY
            || families > 1 && inside.len() == everybody && everybody > WHOLE;
        let mut terms = Vec::new();
        if shared {
            terms.push((self.hub(Family::Everybody, side, &inside), inside));
            parts.clear();
            for node in rest {
                parts.entry(self.families[node as usize]).or_default().push(node);
            }
        }
        for (family, part) in parts {
            let whole = self.members.get(&family).map_or(0, Vec::len) == part.len();
            let outside = matches!(family, Family::Outside(_));
            let enough = part.len() >= if outside { 2 } else { WHOLE };
            if whole && enough || part.len() >= MANY || (part.len() > WHOLE && others > 1) {
                terms.push((self.hub(family, side, &part), part));
            } else {
                terms.extend(part.into_iter().map(|node| (node, vec![node])));
            }
        }
        terms
    }

    /// The node for some members of a family.
    fn hub(&mut self, family: Family, side: Side, part: &[u32]) -> u32 {
        let key = (family, side, part.to_vec());
        if let Some(known) = self.hubs.get(&key) {
            return *known;
        }
        let all = self.members.get(&family).cloned().unwrap_or_default();
        let names = |nodes: &[u32]| -> Vec<&str> {
            nodes.iter().map(|node| &*self.graph.nodes[*node as usize].label).collect()
        };
        let left: Vec<u32> = all.iter().filter(|node| !part.contains(node)).copied().collect();
        let (count, total) = (part.len(), all.len());
        let noun = match family {
            Family::Folded => " namespaces",
            Family::Outside(_) => " blocks",
            Family::Everybody if self.folded.is_empty() => " workloads",
            Family::Everybody => " of the cluster",
            _ => "",
        };
        let (label, note) = match (family, left.len()) {
            (Family::Outside(_), 0) => (
                "anywhere outside".to_owned(),
                if total == 2 {
                    "both blocks of addresses".to_owned()
                } else {
                    format!("all {total} blocks of addresses")
                },
            ),
            (Family::Everybody, 0) => ("everybody".to_owned(), format!("all {total}{noun}")),
            (_, 0) => (format!("all {total}{noun}"), String::new()),
            (_, missing) if missing * 2 < count => {
                (format!("{count} of {total}{noun}"), format!("all but {}", listed(&names(&left), 20)))
            }
            _ => (format!("{count} of {total}{noun}"), listed(&names(part), 28)),
        };
        let mut ends: Vec<u32> =
            part.iter().flat_map(|node| self.graph.nodes[*node as usize].ends.clone()).collect();
        ends.sort_unstable();
        let number = self.graph.nodes.len() as u32;
        let group = if let Family::Group(group) = family { Some(group) } else { None };
        let kind = if matches!(family, Family::Outside(_)) { NodeKind::Outside } else { NodeKind::Hub };
        self.graph.nodes.push(Node {
            kind,
            side,
            label,
            note,
            group,
            ends,
            leaves: Vec::new(),
            within: String::new(),
        });
        self.families.push(Family::Alone(number));
        self.hubs.insert(key, number);
        number
    }

    /// The ports of some styles in few letters.
    fn label(&self, styles: &[u32]) -> String {
        let labels: BTreeSet<&str> =
            styles.iter().map(|style| &*self.scene.styles[*style as usize].label).collect();
        if labels.contains("all") {
            return "all".to_owned();
        }
        let labels: Vec<&str> = labels.into_iter().collect();
        let joined = labels.join(",");
        match labels.as_slice() {
            [first, ..] if joined.len() > 16 && labels.len() > 1 => {
                format!("{} +{}", first.split(" +").next().unwrap_or(first), labels.len() - 1)
            }
            _ => joined,
        }
    }
}

/// Whether a link is of those that a mark can say: everything, from pods to addresses outside.
fn is_mark(scene: &Scene, src: u32, dst: u32, all: bool, line: Line) -> bool {
    let kind = |end: u32| scene.ends[end as usize].kind;
    all && line == Line::Allowed && kind(src) == EndKind::Pods && kind(dst) == EndKind::Outside
}

/// Leaves out nodes without an edge that nobody has asked for.
fn without_unused(graph: &mut Graph, used: &BTreeSet<u32>, touched: &[bool], scene: &Scene) {
    let keeps = |number: usize, node: &Node| {
        let own = matches!(node.kind, NodeKind::Pods | NodeKind::Group);
        let listed =
            || node.ends.iter().any(|end| scene.ends[*end as usize].listed) || !node.leaves.is_empty();
        used.contains(&(number as u32))
            || own && (listed() || touched.get(number).is_some_and(|touched| *touched))
    };
    let mut numbers = Vec::new();
    let mut kept = 0;
    for (number, node) in graph.nodes.iter().enumerate() {
        numbers.push(kept);
        if keeps(number, node) {
            kept += 1;
        }
    }
    let nodes = std::mem::take(&mut graph.nodes);
    graph.nodes = nodes
        .into_iter()
        .enumerate()
        .filter(|(number, node)| keeps(*number, node))
        .map(|(_, node)| node)
        .collect();
    for edge in &mut graph.edges {
        edge.from = numbers[edge.from as usize];
        edge.to = numbers[edge.to as usize];
    }
}
