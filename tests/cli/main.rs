//! The commands beside `wait` and `run`, as processes.

mod check;
mod demo;
mod help;
mod list;
mod notify_test;
mod process;
mod simulate;

#[path = "../support/mod.rs"]
pub mod support;
