//! Shared parts of the tests.

pub mod answers;
pub mod matrix;
pub mod npv;
pub mod page;
pub mod place;

pub use npv_worlds::cases;
