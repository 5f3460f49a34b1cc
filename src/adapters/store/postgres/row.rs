//! Reads the columns of a row.

use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio_postgres::SimpleQueryRow;

use super::fault::Fault;
use crate::adapters::store::record::Record;
use crate::model::{EventKind, JobId};

/// A column that may be NULL.
pub(super) fn nullable(row: &SimpleQueryRow, column: usize) -> Result<Option<&str>, Fault> {
    row.try_get(column).map_err(Fault::unreadable)
}

pub(super) fn text(row: &SimpleQueryRow, column: usize) -> Result<&str, Fault> {
    nullable(row, column)?.ok_or_else(|| Fault::unreadable(format_args!("column {column} is missing")))
}

/// A number, or another text with a form of its own.
pub(super) fn parsed<T>(row: &SimpleQueryRow, column: usize) -> Result<T, Fault>
where
    T: FromStr<Err: std::fmt::Display>,
{
    text(row, column)?.parse().map_err(Fault::unreadable)
}

pub(super) fn boolean(row: &SimpleQueryRow, column: usize) -> Result<bool, Fault> {
    Ok(nullable(row, column)? == Some("t"))
}

/// A time, in milliseconds.
pub(super) fn time(row: &SimpleQueryRow, column: usize) -> Result<Timestamp, Fault> {
    Timestamp::from_millisecond(parsed(row, column)?).map_err(Fault::unreadable)
}

/// The type of an event.
pub(super) fn kind(row: &SimpleQueryRow, column: usize) -> Result<EventKind, Fault> {
    let text = text(row, column)?;
    EventKind::parse(text).ok_or_else(|| Fault::unreadable(format_args!("unknown type of event `{text}`")))
}

/// The id of a job.
pub(super) fn job_id(row: &SimpleQueryRow, column: usize) -> Result<JobId, Fault> {
    JobId::committed(text(row, column)?).map_err(Fault::unreadable)
}

pub(super) fn record<T: Record>(row: &SimpleQueryRow, column: usize) -> Result<T, Fault> {
    T::from_json(text(row, column)?).map_err(Fault::unreadable)
}

/// JSON in its published form.
pub(super) fn published<T: DeserializeOwned>(row: &SimpleQueryRow, column: usize) -> Result<T, Fault> {
    serde_json::from_str(text(row, column)?).map_err(Fault::unreadable)
}
