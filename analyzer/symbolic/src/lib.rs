//! Open-world questions about policies: answers for every possible cluster, not only the one in the
//! manifests.
//!
//! - [`term`]: a small typed term language whose constructors fold;
//! - [`vocabulary`]: what policies and questions can tell apart;
//! - [`world`]: flows as terms, literal ones and the one that stands for all;
//! - [`encode`]: the policy IR as conditions on a flow;
//! - [`solver`]: Z3 behind one narrow trait;
//! - [`session`]: policies compiled once, asked many questions; every flow found is replayed through the
//!   reference semantics;
//! - [`spec`], [`query`], [`rules`]: questions about ends and traffic, about sets of policies, about rules;
//! - [`lint`], [`assertion`], [`exposure`]: what the command line asks;
//! - [`snapshot`]: the endpoints of the manifests, for answers about these only;
//! - [`witness`]: a flow with manifests to try it.
//!
//! Without the feature `z3`, what folding does not settle is unknown.

pub mod assertion;
mod attempt;
mod canonical;
pub mod encode;
mod explain;
pub mod exposure;
pub mod lint;
pub mod query;
pub mod rules;
pub mod session;
pub mod snapshot;
pub mod solver;
pub mod spec;
pub mod term;
pub mod vocabulary;
pub mod witness;
pub mod world;
