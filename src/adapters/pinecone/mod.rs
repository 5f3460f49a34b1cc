//! The client of the control plane: describe a job, list jobs, and start a restore.
//!
//! Invariant: the API key is sent to the configured endpoint and nowhere else, and appears in no
//! text made here.

mod advice;
mod client;
pub mod create_index;
mod error;
mod error_body;
mod page;
mod scan;
mod wire;

pub use client::{ApiReply, Client};
pub use error::Error;
pub use page::Page;
pub use scan::Scan;
