//! Calico's rules, one by one, by the reference: which flows pass (C-10 to C-80).

mod hosts;
mod kubernetes;
mod peers;
mod ports;
mod subjects;
mod tiers;
mod world;
