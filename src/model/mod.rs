//! The words of the program: ids, statuses, jobs and transitions, as plain data.
//!
//! Invariant: nothing here does I/O, reads a clock or knows of a wire format other than the published shape of a
//! [`Transition`].

pub mod duration;
mod exit;
mod expectation;
mod id;
mod job;
mod keyword;
mod letter;
pub mod schema;
mod status;
mod summary;
mod text;
mod transition;
mod until;

pub use exit::Exit;
pub use expectation::Expectation;
pub use id::{IdError, JobId, Mistake, ProjectName, SinkName};
pub use job::{IndexObservation, JobFacts, Observation};
pub use keyword::Keyword;
pub(crate) use keyword::keywords;
pub use letter::Letter;
pub use status::Status;
pub use text::{Placeholder, is_control_or_format, is_invisible, visible};
pub use transition::{JobRef, Transition, TransitionId, TransitionKind};
pub use until::Until;
