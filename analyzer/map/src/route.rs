//! The ways of lines between layers: level at the heights of their ends, upright on tracks that nothing else is on.

use crate::order::{Anchor, Order, span};

/// The distance of two tracks.
pub(crate) const TRACK: f64 = 9.0;

/// For each net its track, counted from the left; `None` where it is level. And for each channel how many there are.
pub(crate) fn tracks(order: &Order, channels: usize) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut track = vec![None; order.nets.len()];
    let mut counts = vec![0; channels];
    for (channel, count) in counts.iter_mut().enumerate() {
        let mut nets: Vec<Upright> = order
            .nets
            .iter()
            .enumerate()
            .filter(|(_, net)| net.channel == channel)
            .map(|(number, net)| Upright::of(number, &net.left, &net.right, order))
            .filter(|net| net.high - net.low > 0.5)
            .collect();
        sort(&mut nets);
        let mut levels: Vec<(f64, f64, usize)> = Vec::new();
        for net in &nets {
            let level = levels
                .iter()
                .filter(|(low, high, _)| *low < net.high + 5.0 && net.low < *high + 5.0)
                .map(|(_, _, level)| level + 1)
                .max();
            let level = level.unwrap_or(0);
            levels.push((net.low, net.high, level));
            track[net.number] = Some(level);
            *count = (*count).max(level + 1);
        }
    }
    (track, counts)
}

/// An upright stretch with the heights at which lines come from its left and from its right.
struct Upright {
    number: usize,
    low: f64,
    high: f64,
    left: Vec<f64>,
    right: Vec<f64>,
}

impl Upright {
    fn of(number: usize, left: &[Anchor], right: &[Anchor], order: &Order) -> Self {
        let heights =
            |anchors: &[Anchor]| -> Vec<f64> { anchors.iter().map(|anchor| order.y(*anchor)).collect() };
        let (left, right) = (heights(left), heights(right));
        let all: Vec<f64> = left.iter().chain(&right).copied().collect();
        let (low, high) = span(&all);
        Self { number, low, high, left, right }
    }

    /// How many crossings there are where this one is left of another.
    fn before(&self, other: &Self) -> usize {
        let hits = |heights: &[f64], of: &Self| {
            heights.iter().filter(|y| **y > of.low - 0.5 && **y < of.high + 0.5).count()
        };
        hits(&self.right, other) + hits(&other.left, self)
    }
}

/// Orders tracks so that few lines cross: first as lines fan out, then by exchanging neighbours.
fn sort(nets: &mut [Upright]) {
    let mean = |heights: &[f64]| heights.iter().sum::<f64>() / heights.len().max(1) as f64;
    nets.sort_by(|a, b| {
        let (left, right) = ([mean(&a.left), mean(&b.left)], [mean(&a.right), mean(&b.right)]);
        let down = [right[0] > left[0], right[1] > left[1]];
        down[0]
            .cmp(&down[1])
            .then_with(|| if down[0] { left[1].total_cmp(&left[0]) } else { left[0].total_cmp(&left[1]) })
            .then(a.number.cmp(&b.number))
    });
    for _ in 0..nets.len().min(24) {
        let mut better = false;
        for place in 1..nets.len() {
            let (a, b) = (&nets[place - 1], &nets[place]);
            if b.before(a) < a.before(b) {
                nets.swap(place - 1, place);
                better = true;
            }
        }
        if !better {
            return;
        }
    }
}
