//! The words of the program: ids, statuses, jobs and transitions, as plain data.
//!
//! Invariant: nothing here does I/O, reads a clock or knows of a wire format other than the published shape of a
//! [`Transition`].

mod id;
mod job;
mod status;
mod transition;

pub use id::{IdError, JobId, ProjectName};
pub use job::{JobFacts, Observation};
pub use status::Status;
pub use transition::{JobRef, Transition, TransitionId, TransitionKind};
