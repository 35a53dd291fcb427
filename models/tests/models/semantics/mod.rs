//! What [`npv_models::decide`] must say, rule by rule: each test names the rules that it pins down.

mod ask;
mod bounds;
mod ends;
mod explanation;
mod peers;
mod ports;
mod tiers;
