//! The examples that people copy, each run by the program it is written for, if that is installed.
//!
//! Invariant: the files in `config/examples` and `packaging` themselves are tested. A skipped test
//! is printed.

mod action;
mod bash;
mod component;
mod composite;
mod expression;
mod github;
mod gitlab;
mod kubernetes;
mod linters;
mod make;
mod pipeline;
mod runner;
mod shell;
mod stage;
mod terraform;
mod yaml;

#[path = "../support/mod.rs"]
pub mod support;
