//! The tiers around NetworkPolicy, from YAML to verdicts (S-60 to S-69): what the upstream conformance
//! cases test, and what they leave out.

mod ends;
mod order;
mod ports;
mod world;
