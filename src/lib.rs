//! `restore-watch` watches Pinecone restore jobs and tells people and programs, once and surely, when one ends.
//!
//! # The house
//!
//! One pure state machine decides; thin shells act. Everything that is hard about this program (when to poll, what an
//! answer means, what must be told, what is still owed to whom) is plain data and functions of `(state, event, now)`.
//! Everything that touches the world is an adapter that carries out what the machine asked for.
//!
//! Each layer imports only those below it; `tests/layers` reads the paths of all sources and fails on any other import.
//!
//! ```text
//! main, cli                                     parse, compose, print, exit code
//! daemon, wait                                  the two shells: signals, conditions, what a person sees
//! driver                                        feeds the engine events, carries out its actions
//! pinecone sink store telemetry signals         adapters: none imports another
//! simulate                                      one more adapter, for rehearsals, the demo and the tests
//! clock http                                    what adapters share: the clocks, and how HTTP is spoken
//! engine                                        pure: tracker, cadence, limiter, retry, outbox
//! config                                        validated settings
//! model                                         ids, statuses, transitions
//! ```

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod driver;
pub mod engine;
pub mod http;
pub mod model;
pub mod pinecone;
pub mod signals;
pub mod simulate;
pub mod sink;
pub mod store;
pub mod telemetry;
pub mod wait;
