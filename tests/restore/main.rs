//! `restore-watch restore`, as a process against a simulated control plane.
//!
//! Invariant: each test states how many requests were sent that start a restore.

mod again;
mod backups;
mod dry_run;
mod lost_answers;
mod output;
mod refusals;
mod stage;
mod stopping;

#[path = "../support/mod.rs"]
pub mod support;
