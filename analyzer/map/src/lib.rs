//! The map of who reaches whom.
//!
//! One picture of a cluster, the same in the page of the HTML report, in an image and in Mermaid: `bundle` says
//! what is drawn (what many share once, what is too much folded), the other modules say where it goes. The crate depends
//! on nothing, so that it also runs inside of the page, as WebAssembly. The same scene gives the same picture, to
//! the last digit, wherever it runs.

#![expect(
    clippy::indexing_slicing,
    reason = "nodes, units, layers and ports are numbered by this crate alone, and a scene is checked when it comes in"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a picture has fewer than 2^52 of anything, and no negative number of it"
)]

mod bundle;
mod layers;
mod order;
mod place;
mod route;
mod text;
pub mod wire;

pub use bundle::{Edge, Graph, Node, NodeKind, bundle};
pub use text::{CHARACTER, LABEL, NAME, NOTE, width};

use std::collections::BTreeSet;

/// What an end of connections is, as far as a picture cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndKind {
    /// Pods of a namespace.
    Pods,
    /// Addresses outside of the cluster: drawn on the left as a source and on the right as a destination.
    Outside,
    /// Anything else: nodes, what is assumed, domains. Drawn like what is outside.
    Other,
}

/// An end of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// What it is.
    pub kind: EndKind,
    /// The namespace of pods, as an index into the scene's groups.
    pub group: Option<u32>,
    /// What people call it.
    pub label: String,
    /// What stands below its name.
    pub note: String,
    /// It is drawn although nothing leads to or from it.
    pub listed: bool,
}

/// How a connection is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// What passes.
    Allowed,
    /// Some requests pass and some do not.
    Partial,
    /// It depends on what no manifest shows.
    Unknown,
    /// Somebody means it to pass, and it does not.
    Blocked,
    /// It passes, and should not.
    Dangerous,
    /// The head allows it and the base does not.
    Opened,
    /// The base allows it and the head does not.
    Closed,
}

impl Line {
    /// All of them; their places are their numbers in the page.
    pub const ALL: [Self; 7] = [
        Self::Allowed,
        Self::Partial,
        Self::Unknown,
        Self::Blocked,
        Self::Dangerous,
        Self::Opened,
        Self::Closed,
    ];

    /// Whether something of it passes, or may.
    pub fn passes(self) -> bool {
        !matches!(self, Self::Blocked | Self::Closed)
    }
}

/// What passes over a connection, and how it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Its ports in few letters.
    pub label: String,
    /// It is all traffic.
    pub all: bool,
    /// How it is drawn.
    pub line: Line,
}

/// A connection, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// From whom, as an index into the scene's ends.
    pub src: u32,
    /// To whom.
    pub dst: u32,
    /// An index into the scene's styles.
    pub style: u32,
}

/// What is to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Everybody.
    pub ends: Vec<End>,
    /// The names of namespaces.
    pub groups: Vec<String>,
    /// The different kinds of connections.
    pub styles: Vec<Style>,
    /// The connections. What is of one end to itself is left out.
    pub links: Vec<Link>,
}

impl Scene {
    /// Whether everything that is named by a number is there.
    pub fn is_sound(&self) -> bool {
        let within = |number: u32, all: usize| (number as usize) < all;
        self.ends.iter().all(|end| end.group.is_none_or(|group| within(group, self.groups.len())))
            && self.links.iter().all(|link| {
                within(link.src, self.ends.len())
                    && within(link.dst, self.ends.len())
                    && within(link.style, self.styles.len())
            })
    }
}

/// Which namespaces are drawn as one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fold {
    /// All of them where the picture could not be read otherwise, else none.
    Auto,
    /// Those that are not in the set.
    AllBut(BTreeSet<u32>),
}

/// A rectangle: its left upper corner and its size, in units of which a letter of a name is about eight wide.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A point of a line.
pub type Point = (f64, f64);

/// An edge with its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// From its source to its tip, with right angles only.
    pub points: Vec<Point>,
    /// Where its ports are written. Edges that end in the same place with the same ports share it.
    pub label: Rect,
}

/// A namespace whose workloads are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// An index into the scene's groups.
    pub group: u32,
    /// Its box.
    pub rect: Rect,
    /// What is written at its top.
    pub title: String,
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// What is drawn.
    pub graph: Graph,
    /// Where each node is.
    pub nodes: Vec<Rect>,
    /// The way of each edge; empty where there are more than anybody can follow.
    pub ways: Vec<Way>,
    /// The boxes.
    pub groups: Vec<Group>,
    /// Width of the whole.
    pub width: f64,
    /// Height of the whole.
    pub height: f64,
}

/// More edges than these are not routed: the page shows those of one node at a time.
pub const MOST_ROUTED: usize = 260;

/// The picture of a scene. One that is not [sound](Scene::is_sound) is empty.
pub fn draw(scene: &Scene, fold: &Fold) -> Picture {
    if !scene.is_sound() {
        return Picture::default();
    }
    place::picture(scene, bundle(scene, fold))
}
