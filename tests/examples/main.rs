//! The examples that people copy, run as they are: each by what it is written for, as far as that can be had here.
//!
//! Invariant: what is tested are the files in `config/examples` themselves. What is not tested is said.

mod bash;
mod expression;
mod github;
mod gitlab;
mod make;
mod shell;
mod stage;
mod terraform;
mod yaml;

#[path = "../support/mod.rs"]
pub mod support;
