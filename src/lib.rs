//! `restore-watch` watches Pinecone restore jobs and reports how each one ends: on a terminal, to a
//! pipeline as an exit code, and as events to webhooks, the desktop and the log.
//!
//! This library exists for the binary, its tests and its benches; it promises no stable interface.
//!
//! ```text
//! main, cli       one file per command: parse, call, print, exit code
//! app             the loops: daemon and wait, each over the driver
//! adapters        ci, control, monitor, pinecone, sinks, store, systemd, telemetry, web: each
//!                 touches one part of the world and imports none of the others; http, metrics and
//!                 report are below them
//! simulate        a simulated control plane
//! engine          the state machine: pure
//! config          files and environment to validated settings
//! template        what webhooks send by a template of the configuration: from an event to bytes
//! platform        what touches the operating system and knows nothing of restores
//! model           ids, statuses, times, events, outcomes, exit codes
//! ```
//!
//! Each layer imports only from those below it; `tests/layers` fails on any other import. Start at
//! [`engine::Engine::handle`], which decides, and [`app::driver::Driver::turn`], which acts.
#![doc = ""]
#![doc = include_str!("../docs/architecture.md")]

pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod engine;
pub mod model;
pub mod platform;
pub mod simulate;
pub mod template;
