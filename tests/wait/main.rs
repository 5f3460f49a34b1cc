//! `restore-watch wait` as a process, on a simulated control plane.

mod answers;
mod ci;
mod codes;
mod command;
mod ids;
mod limits;
mod output;
mod pending;
mod ready;
mod secrets;
mod setup;
mod stopping;
mod timeout;
mod unfinished;
mod usage;
mod webhook;

#[path = "../support/mod.rs"]
pub mod support;
