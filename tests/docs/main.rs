//! The documents: what they name exists, what they show works, what they list is complete.
//!
//! Invariant: each fenced block is run or parsed by what it is written for; a block in a language that no test knows is a
//! failure. Generated parts are written instead of compared if UPDATE is set.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod blocks;
mod changelog;
mod commands;
mod generated;
mod links;
mod markdown;
mod paths;
mod shell;
mod transcripts;

#[path = "../examples/yaml.rs"]
#[expect(dead_code, reason = "the examples need more of it")]
mod yaml;

#[path = "../support/mod.rs"]
pub mod support;
