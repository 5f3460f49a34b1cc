//! What carries out what the engine asks for: each touches one part of the world. None imports a
//! sibling, but `http`, `metrics` and `report`, which several of them need.

pub mod ci;
pub mod control;
pub mod http;
pub mod metrics;
pub mod monitor;
pub mod pinecone;
pub mod report;
pub mod sinks;
pub mod store;
pub mod systemd;
pub mod telemetry;
pub mod web;
