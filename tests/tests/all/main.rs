//! npv as its users see it, the corpus, and the engines against each other: one binary, because linking takes longer than
//! most of what is tested.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test, a panic is a failure"
)]

mod assertions;
mod assertions_by_hand;
mod cli_assertions;
mod cli_baseline;
mod cli_check;
mod cli_cni;
mod cli_config;
mod cli_diff;
mod cli_diff_html;
mod cli_fix;
mod cli_life;
mod cli_loading;
mod cli_prove;
mod cli_reach;
mod cli_report;
mod cli_schema;
mod cli_suppress;
mod cli_trace;
mod cli_usage;
mod cli_watch;
mod conflicts;
mod corpus;
mod diff;
mod diff_git;
mod differential;
mod domains;
mod fix_laws;
mod formats;
mod house;
mod integrations;
mod laws;
mod readme;
mod remedies;
mod rules;
mod symbolic;
mod trace_and_reach;
