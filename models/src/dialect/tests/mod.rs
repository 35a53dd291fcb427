mod admin;
mod network_policy;
