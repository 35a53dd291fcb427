//! What Kubernetes manifests *mean*.
//!
//! Data flows in one direction through the modules, and nothing points back:
//!
//! `source -> yaml -> k8s -> cluster + policy -> decide`
//!
//! - [`source`]: input texts, byte spans and line/column positions;
//! - [`diagnostic`]: findings as plain data;
//! - [`space`]: exact sets of addresses, ports, traffic, labels and HTTP requests in canonical form;
//! - [`yaml`]: one parse of YAML and JSON into a tree that keeps a span for every node;
//! - [`k8s`]: typed objects;
//! - [`cluster`]: the resolved inventory of namespaces, workloads, pods, nodes and Services;
//! - [`policy`]: the intermediate representation that every policy dialect lowers to;
//! - [`cni`]: network plugins and what they make of policies;
//! - [`dialect`]: one file or folder per dialect, objects to IR;
//! - [`decide`]: the reference semantics, one flow at a time.
//!
//! Numbers such as *S-24* cite the project's semantics rules, listed in `docs/semantics.md`.

pub mod cluster;
pub mod cni;
pub mod decide;
pub mod diagnostic;
pub mod dialect;
pub mod k8s;
pub mod policy;
pub mod source;
pub mod space;
pub mod yaml;
