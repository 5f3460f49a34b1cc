//! What touches the operating system and knows nothing of restores.

pub mod blocking;
pub mod clock;
pub mod color;
pub mod failpoint;
pub mod identity;
pub mod locale;
pub mod output;
pub mod process;
pub mod signals;
