//! Exact sets in canonical form: two sets are equal exactly when their representations are.

mod interval;
mod ip;
mod label;
mod traffic;

pub use interval::{Bound, IntervalSet};
pub use ip::{Family, IpSet, cidr_text, mask};
pub use label::{Labels, Operator, Requirement, Selector};
pub use traffic::{PortSet, Protocol, Traffic};
