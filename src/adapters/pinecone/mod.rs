//! The client of the control plane: describe a job, list jobs.
//!
//! Invariant: the API key is sent to the configured endpoint and nowhere else, and appears in no text made here.

mod client;
mod error;
mod listing;
mod wire;

pub use client::{Client, Page, Reply};
pub use error::Error;
pub use listing::Listing;
