//! `restore-watch wait` among shells, pipes and terminals, with the real ones.

mod display;
mod jobs;
mod locales;
mod pipes;
mod script;
mod terminal;
mod tmux;
mod xoff;

#[path = "../support/mod.rs"]
pub mod support;
