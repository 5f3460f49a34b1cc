//! The words of the program: ids, statuses, jobs and transitions, as plain data.
//!
//! Invariant: nothing here does I/O, reads a clock or knows of a wire format other than the published shape of a
//! [`Event`].

pub mod duration;
mod event;
mod exit;
mod expectation;
mod id;
mod job;
mod payload;
mod reason;
pub mod schema;
mod status;
mod summary;
mod text;
pub mod time;
mod until;

pub use event::{Event, EventId, EventKind, JobRef};
pub use exit::Exit;
pub use expectation::Expectation;
pub use id::{IdError, JobId, Mistake, ProjectName, SinkName};
pub use job::{IndexObservation, JobFacts, Observation};
pub use payload::Payload;
pub use reason::Reason;
pub use status::Status;
pub use text::{Placeholder, is_control_or_format, is_invisible, visible};
pub use until::Until;
