//! The examples that people copy, each run by the program it is written for, if that is installed.
//!
//! Invariant: the files in `config/examples` and `packaging/kubernetes` themselves are tested. A skipped test is printed.

mod bash;
mod expression;
mod github;
mod gitlab;
mod kubernetes;
mod make;
mod shell;
mod stage;
mod terraform;
mod yaml;

#[path = "../support/mod.rs"]
pub mod support;
