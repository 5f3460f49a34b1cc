//! The loops of the program: they feed the engine inputs and carry out its actions.

pub mod daemon;
mod diagnostics;
pub mod driver;
mod plural;
pub mod restore;
pub mod setup;
pub mod sink_tests;
pub mod wait;
