//! A simulated Pinecone control plane, with scripted jobs and faults, and a receiver of webhooks.
//!
//! Invariant: everything happens on the runtime it was started on and on tokio's clock (no threads,
//! no name service), so that a test with paused time plays hours over real HTTP in milliseconds. A
//! scenario is a TOML text, see [`Scenario`]; the world it describes is pure.

mod connection;
mod fault;
mod list;
mod random;
mod receiver;
mod request_log;
mod scenario;
mod script;
mod server;
mod shape;
#[cfg(test)]
mod tests;
mod timeline;
mod world;

pub use receiver::{Received, Receiver, Reply};
pub use scenario::{KEYS, SHIPPED, Scenario, ScenarioError};
pub use server::{RequestRecord, Simulator};
pub use timeline::Timeline;
