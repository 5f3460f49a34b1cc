//! `restore-watch wait` as a process, on a simulated control plane.

mod all_pending;
mod bad_answers;
mod certificates;
mod ci;
mod command;
mod desktop;
mod exit_codes;
mod first_contact;
mod ids;
mod not_found;
mod output;
mod resource_limits;
mod secrets;
mod setup;
mod stopping;
mod timeout;
mod unfinished;
mod until_ready;
mod usage;
mod webhook;

#[path = "../support/mod.rs"]
pub mod support;
