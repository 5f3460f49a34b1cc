//! What the integration tests share: the program as a process, and the servers it speaks to.
//!
//! Invariant: every wait has a bound, and whatever the program prints is searched for secrets, panics and escape
//! sequences, whichever test made it print.

mod process;
mod servers;

pub use process::{Done, KEY, PATIENCE, Running, Watch, json_lines};
pub use servers::{Folder, done, fast, play, play_shipped, receive, unused_address};
