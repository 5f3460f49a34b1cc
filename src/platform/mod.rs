//! What touches the operating system or a terminal and knows nothing of restores.

pub mod blocking;
pub mod clock;
pub mod color;
pub mod failpoint;
pub mod identity;
pub mod lines;
pub mod locale;
pub mod output;
pub mod process;
pub mod randomness;
pub mod shell;
pub mod signals;
pub mod usage;
