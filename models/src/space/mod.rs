//! Exact sets in canonical form: two sets are equal exactly when their representations are.

mod domain;
mod interval;
mod ip;
mod label;
mod language;
mod request;
mod traffic;
mod truth;

pub use domain::{DomainName, Stars};
pub use interval::{Bound, IntervalSet};
pub use ip::{Family, IpSet, cidr_text, mask};
pub use label::{Label, Labels, Operator, Requirement, Selector};
pub use language::{Language, LanguageError, MAX_PAIRS, MAX_STATES, Texts, TooLarge};
pub use request::{Request, RequestSet, RequestText, question};
pub use traffic::{PortSet, Protocol, Traffic, icmp_messages};
pub use truth::Truth;
