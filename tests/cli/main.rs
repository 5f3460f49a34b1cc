//! The commands beside `wait` and `run`, as processes.

mod check;
mod completions;
mod demo;
mod help;
mod init;
mod list;
mod man;
mod notify_test;
mod process;
mod schema;
mod simulate;
mod state_move;
mod templates;

#[path = "../support/mod.rs"]
pub mod support;
