//! The terms of the program as plain data: ids, statuses, jobs, outcomes and events.
//!
//! Invariant: nothing here does I/O, reads a clock or knows of a wire format other than the
//! published shape of an [`Event`].

mod backup_id;
mod delivery;
pub mod duration;
mod duration_stats;
mod elapsed;
mod end_totals;
mod ended_restore;
mod event;
mod event_id;
mod event_kind;
mod exit;
mod expectation;
pub mod http_date;
mod id;
mod index_stem;
mod job;
mod keyword;
pub mod markup;
mod natural;
mod new_index;
mod outcome;
mod outcome_counts;
mod payload;
mod reason;
mod reference;
mod request_id;
mod restore_group;
mod restore_stats;
mod samples;
pub mod schema;
mod silence_id;
mod since;
mod status;
mod summary;
mod text;
pub mod time;
mod until;

pub use backup_id::{BackupId, BackupIdError};
pub use delivery::{DeliveryId, DeliveryState};
pub use duration_stats::{Bucket, DurationStats, RESTORE_BUCKETS, nearest_rank};
pub use elapsed::Elapsed;
pub use end_totals::{EndTotal, EndTotals};
pub use ended_restore::{DeliveryCounts, EndedRestore};
pub use event::{Event, JobRef};
pub use event_id::{EventId, EventIdPrefix};
pub use event_kind::{EventKind, JobState, Severity};
pub use exit::Exit;
pub use expectation::Expectation;
pub use id::{IdError, JobId, Mistake, ProjectName, SinkName, is_uuid};
pub use index_stem::index_stem;
pub use job::{IndexObservation, JobFacts, Observation};
pub use keyword::Keyword;
pub(crate) use keyword::keywords;
pub use natural::natural_order;
pub use new_index::{IndexName, NewIndex};
pub use outcome::{Outcome, Section};
pub use outcome_counts::OutcomeCounts;
pub use payload::Payload;
pub use reason::Reason;
pub use reference::{Match, Reference, Resolution, SHORTEST_PREFIX};
pub use request_id::RequestId;
pub use restore_group::RestoreGroup;
pub use restore_stats::{RestoreStats, Stats, StatsBy};
pub use silence_id::SilenceId;
pub use since::{Since, SinceError};
pub use status::Status;
pub use text::{
    Placeholder, is_control_or_format, is_invisible, one_line, presentable, visible, write_visible,
};
pub use until::Until;
