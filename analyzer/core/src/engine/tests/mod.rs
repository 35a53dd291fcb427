//! The engine on small worlds that are built by hand.

mod answers;
mod names;
mod scale;
pub(crate) mod world;
