//! The exact engine: answers for endpoints that are told apart only as far as the policies do.

mod endpoint;
mod traffic;

pub use endpoint::{Endpoint, EndpointId, EndpointKind};
pub use traffic::{TrafficId, TrafficTable};
