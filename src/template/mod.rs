//! Templates that the configuration holds: trees of texts with expressions, from an event to bytes.
//!
//! Invariant: a rendering ends within bounds of time and memory, whatever the template and the
//! event; it reads nothing but its variables, and one event always makes the same bytes.

mod environment;
mod filters;
mod leaf;
mod placeholder;
mod tree;
mod variables;

#[cfg(test)]
mod tests;

pub use filters::FILTERS;
pub use leaf::{Fault, Leaf};
pub use placeholder::{placeholder, secret_of};
pub use tree::{Content, LeafFault, MAX_BODY, Node, Rendered, Template};
pub use variables::Variables;
