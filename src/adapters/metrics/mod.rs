//! The metrics of a daemon: what is counted, what a scrape shows, and how that is written down.
//!
//! Each family is declared once, in `family.rs`. The loop of the daemon counts in [`Counters`] and
//! answers a scrape with a [`Reading`]; everything else is work of the listener.
//!
//! Invariant: a reading shows one moment: its gauges are what is known then, its counters what was
//! committed by then. No label is the id of a job or the name of an index, so the number of series
//! follows from the configuration alone, but for the HTTP status codes that servers answer with.

mod accept;
mod counters;
mod encoding;
mod family;
mod histogram;
mod reading;
mod samples;
mod words;

pub use counters::Counters;
pub use encoding::Format;
pub use family::{Family, Kind, Metric};
pub use histogram::Histogram;
pub use reading::{ClusterReading, DaemonReading, Reading};
pub use words::{Code, Endpoint, Exchange};
