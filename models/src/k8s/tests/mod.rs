mod admin;
mod documents;
mod objects;
mod policies;
mod workloads;
