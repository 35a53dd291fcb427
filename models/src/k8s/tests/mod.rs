mod admin;
mod cilium;
mod documents;
mod objects;
mod policies;
mod workloads;
