//! The command line of npv.

fn main() {}
