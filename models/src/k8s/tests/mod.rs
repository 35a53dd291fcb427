mod admin;
mod calico;
mod cilium;
mod documents;
mod objects;
mod policies;
mod workloads;
