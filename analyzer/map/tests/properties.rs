//! What holds of every picture: everything is drawn once, nothing covers anything, and lines are where they belong.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::float_cmp, reason = "a line ends exactly where its node does")]

use std::collections::{BTreeMap, BTreeSet};

use npv_map::{End, EndKind, Fold, Line, Link, NodeKind, Picture, Rect, Scene, Style, draw};
use proptest::prelude::*;

fn scene(most: usize) -> impl Strategy<Value = Scene> {
    let ends = prop::collection::vec((0_usize..8, 0_u32..4, "[a-z]{1,30}", any::<bool>()), 1..most);
    ends.prop_flat_map(|ends| {
        let count = ends.len() as u32;
        // Few kinds of connections, from and to whole ranges: as in policies, many share the same.
        let bundles = prop::collection::vec((0..count, 0..count, 0..count, 0..count, 0_u32..10), 0..12);
        (Just(ends), bundles)
    })
    .prop_map(|(ends, bundles)| {
        let ends: Vec<End> = ends
            .into_iter()
            .map(|(kind, group, label, listed)| {
                let kind = match kind {
                    0 => EndKind::Outside,
                    1 => EndKind::Other,
                    _ => EndKind::Pods,
                };
                let group = (kind == EndKind::Pods).then_some(group);
                End { kind, group, label, note: "Deployment".to_owned(), listed }
            })
            .collect();
        let groups = ["shop", "a-namespace-with-quite-a-long-name", "db", "x"].map(str::to_owned).to_vec();
        let lines = [Line::Allowed, Line::Allowed, Line::Blocked, Line::Unknown, Line::Opened];
        let styles = (0..10)
            .map(|style| Style {
                label: if style == 0 { "all".to_owned() } else { format!("80{style}0,443 +{style}") },
                all: style == 0,
                line: lines[style / 2],
            })
            .collect();
        let mut links = BTreeSet::new();
        for (a, b, c, d, style) in bundles {
            for src in a.min(b)..=a.max(b).min(a.min(b) + 9) {
                for dst in c.min(d)..=c.max(d).min(c.min(d) + 9) {
                    // No pair is of two styles of one line.
                    if src != dst {
                        links.insert(Link { src, dst, style });
                    }
                }
            }
        }
        Scene { ends, groups, styles, links: links.into_iter().collect() }
    })
}

fn overlap(one: &Rect, other: &Rect) -> bool {
    one.x + 0.1 < other.x + other.width
        && other.x + 0.1 < one.x + one.width
        && one.y + 0.1 < other.y + other.height
        && other.y + 0.1 < one.y + one.height
}

/// Every link is in exactly one edge, or is said otherwise.
fn everything_once(scene: &Scene, picture: &Picture) -> Result<(), TestCaseError> {
    let nodes = &picture.graph.nodes;
    // What passes inside of a folded namespace is said at its name.
    let folded =
        |end: u32| nodes.iter().position(|node| node.kind == NodeKind::Group && node.ends.contains(&end));
    let inside = |link: &Link| folded(link.src).is_some() && folded(link.src) == folded(link.dst);
    // And what a mark says is no line.
    let marked = |link: &Link| {
        let style = &scene.styles[link.style as usize];
        let outside = scene.ends[link.dst as usize].kind == EndKind::Outside;
        style.all
            && style.line == Line::Allowed
            && outside
            && nodes.iter().any(|node| node.leaves.contains(&link.src))
    };
    let mut drawn: BTreeMap<Link, usize> = BTreeMap::new();
    for edge in &picture.graph.edges {
        let [from, to] = [edge.from, edge.to]
            .map(|node| nodes[node as usize].ends.iter().copied().collect::<BTreeSet<_>>());
        let own: Vec<&Link> = scene
            .links
            .iter()
            .filter(|link| {
                from.contains(&link.src)
                    && to.contains(&link.dst)
                    && edge.styles.contains(&link.style)
                    && !inside(link)
                    && !marked(link)
            })
            .collect();
        prop_assert_eq!(
            own.len(),
            edge.links as usize,
            "{:?} {:?} {:?} {:?}",
            edge,
            own,
            nodes[edge.from as usize],
            nodes[edge.to as usize]
        );
        for link in own {
            *drawn.entry(*link).or_default() += 1;
        }
    }
    prop_assert!(drawn.values().all(|times| *times == 1), "{:?}", drawn);
    let hidden =
        scene.links.iter().filter(|link| inside(link) && !scene.styles[link.style as usize].line.passes());
    prop_assert_eq!(drawn.len() + picture.graph.said as usize + hidden.count(), scene.links.len());
    Ok(())
}

fn nothing_covers_anything(picture: &Picture) -> Result<(), TestCaseError> {
    for (index, one) in picture.nodes.iter().enumerate() {
        for other in &picture.nodes[index + 1..] {
            prop_assert!(!overlap(one, other), "nodes {one:?} {other:?}");
        }
        let node = &picture.graph.nodes[index];
        for group in &picture.groups {
            let inside = node.group == Some(group.group);
            prop_assert!(inside || !overlap(one, &group.rect), "{node:?} is in a box that is not its own");
            if inside {
                let grown = Rect { height: 20.0, ..group.rect };
                prop_assert!(!overlap(one, &grown), "{node:?} is over the title of its box");
            }
        }
    }
    for (index, one) in picture.groups.iter().enumerate() {
        for other in &picture.groups[index + 1..] {
            prop_assert!(!overlap(&one.rect, &other.rect), "boxes {one:?} {other:?}");
        }
    }
    let mut labels: Vec<(&str, &Rect)> = Vec::new();
    for (edge, way) in picture.graph.edges.iter().zip(&picture.ways) {
        if !labels.iter().any(|(text, rect)| *text == edge.label && **rect == way.label) {
            labels.push((&edge.label, &way.label));
        }
    }
    for (index, (text, one)) in labels.iter().enumerate() {
        for (_, other) in &labels[index + 1..] {
            prop_assert!(!overlap(one, other), "labels {text} {one:?} {other:?}");
        }
        for node in &picture.nodes {
            prop_assert!(!overlap(one, node), "label {text} {one:?} on {node:?}");
        }
    }
    Ok(())
}

/// Lines have right angles, begin and end at the sides of their nodes, and pass through no other.
fn lines_are_where_they_belong(picture: &Picture) -> Result<(), TestCaseError> {
    for (edge, way) in picture.graph.edges.iter().zip(&picture.ways) {
        let (from, to) = (&picture.nodes[edge.from as usize], &picture.nodes[edge.to as usize]);
        let (first, last) = (way.points[0], *way.points.last().unwrap());
        for ((x, y), node) in [(first, from), (last, to)] {
            prop_assert!(x == node.x || x == node.x + node.width, "{edge:?}");
            prop_assert!(node.y <= y && y <= node.y + node.height, "{edge:?}");
        }
        for pair in way.points.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            prop_assert!((a.0 - b.0).abs() < 0.01 || (a.1 - b.1).abs() < 0.51, "{edge:?} {way:?}");
            let line = Rect {
                x: a.0.min(b.0),
                y: a.1.min(b.1),
                width: (a.0 - b.0).abs().max(0.2),
                height: (a.1 - b.1).abs().max(0.2),
            };
            for (index, node) in picture.nodes.iter().enumerate() {
                let inner = Rect {
                    x: node.x + 1.0,
                    y: node.y + 1.0,
                    width: node.width - 2.0,
                    height: node.height - 2.0,
                };
                let own = index == edge.from as usize || index == edge.to as usize;
                prop_assert!(
                    own || !overlap(&line, &inner),
                    "{edge:?} passes through {:?}",
                    picture.graph.nodes[index]
                );
            }
        }
    }
    Ok(())
}

fn check(scene: &Scene, fold: &Fold) -> Result<(), TestCaseError> {
    let picture = draw(scene, fold);
    everything_once(scene, &picture)?;
    nothing_covers_anything(&picture)?;
    lines_are_where_they_belong(&picture)?;
    prop_assert_eq!(&draw(scene, fold), &picture);
    let pods = |node: &npv_map::Node| matches!(node.kind, NodeKind::Pods | NodeKind::Group);
    let shown: BTreeSet<u32> =
        picture.graph.nodes.iter().filter(|node| pods(node)).flat_map(|node| node.ends.clone()).collect();
    for (end, of) in scene.ends.iter().enumerate() {
        prop_assert!(
            !of.listed || of.kind != EndKind::Pods || shown.contains(&(end as u32)),
            "{of:?} is not drawn"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn of_every_picture(scene in scene(24), open in prop::collection::btree_set(0_u32..4, 0..4)) {
        check(&scene, &Fold::AllBut(open))?;
    }

    #[test]
    fn of_every_picture_that_is_folded_as_it_takes(scene in scene(90)) {
        check(&scene, &Fold::Auto)?;
    }
}

/// A cluster of so many workloads in so many namespaces: DNS and monitoring, and chains of three in each namespace.
fn cluster(namespaces: u32, each: u32) -> Scene {
    let mut scene = Scene::default();
    let style = |label: &str, all| Style { label: label.to_owned(), all, line: Line::Allowed };
    scene.styles =
        vec![style("53/udp", false), style("9102", false), style("8080", false), style("all", true)];
    let end = |kind, group, label: String| End { kind, group, label, note: String::new(), listed: true };
    for group in 0..namespaces {
        scene.groups.push(format!("team-{group}"));
        for app in 0..each {
            scene.ends.push(end(EndKind::Pods, Some(group), format!("app-{app}")));
        }
    }
    scene.groups.push("kube-system".to_owned());
    let apps = namespaces * each;
    scene.ends.push(end(EndKind::Pods, Some(namespaces), "coredns".to_owned()));
    scene.ends.push(end(EndKind::Pods, Some(namespaces), "prometheus".to_owned()));
    scene.ends.push(end(EndKind::Outside, None, "anywhere outside".to_owned()));
    for app in 0..apps {
        scene.links.push(Link { src: app, dst: apps, style: 0 });
        scene.links.push(Link { src: apps + 1, dst: app, style: 1 });
        scene.links.push(Link { src: app, dst: apps + 2, style: 3 });
        if app % each % 3 != 2 && app % each + 1 < each {
            scene.links.push(Link { src: app, dst: app + 1, style: 2 });
        }
    }
    scene
}

#[test]
fn what_all_share_is_drawn_once() {
    for (namespaces, each) in [(2, 10), (6, 10), (10, 20), (40, 50)] {
        let scene = cluster(namespaces, each);
        let picture = draw(&scene, &Fold::Auto);
        check(&scene, &Fold::Auto).unwrap();
        let edges = picture.graph.edges.len();
        assert!(edges * 3 <= scene.links.len(), "{edges} lines for {} connections", scene.links.len());
        // All that goes anywhere outside is a mark.
        let leaves: usize = picture.graph.nodes.iter().map(|node| node.leaves.len()).sum();
        assert_eq!(leaves, (namespaces * each) as usize);
        assert!(
            picture.graph.nodes.iter().any(|node| node.label == "coredns" || node.label == "kube-system")
        );
    }
}

#[test]
fn a_namespace_is_unfolded_in_its_place() {
    let scene = cluster(10, 20);
    let folded = draw(&scene, &Fold::Auto);
    assert_eq!(folded.graph.folded.len(), 11);
    let one = draw(&scene, &Fold::AllBut([3].into()));
    assert_eq!(one.groups.iter().map(|group| group.group).collect::<Vec<_>>(), [3]);
    assert_eq!(one.graph.nodes.iter().filter(|node| node.kind == NodeKind::Pods).count(), 20);
}
