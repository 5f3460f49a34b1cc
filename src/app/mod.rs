//! The loops of the program: they feed the engine inputs and carry out its actions.

pub mod daemon;
pub mod driver;
pub mod wait;
