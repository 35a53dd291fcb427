//! Questions and their answers. A question is apart from its answerer, and an answer is plain data:
//! formats write it, and other queries read it.

mod causes;
pub mod check;
pub mod depends;
pub mod diff;
pub mod ends;
pub mod environments;
pub mod equivalence;
pub mod exposure;
pub mod inventory;
pub mod name;
pub mod path;
pub mod ports;
pub mod prove;
pub mod reach;
pub mod text;
pub mod trace;
pub mod via;
pub mod walk;
