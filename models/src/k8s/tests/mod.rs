mod admin;
mod calico;
mod documents;
mod objects;
mod policies;
mod workloads;
