//! `retry_schedule`: when the deliveries of a sink are attempted again.

use std::time::Duration;

use super::Meaning;
use crate::config::keys::{Key, Kind};
use crate::config::reader::Section;
use crate::model::duration;

const HELP: &str = "write retry_schedule = [\"5s\", \"5m\", \"30m\"], with 1 to 50 durations, or remove it";

/// The delays between attempts unless the configuration has others.
pub(super) const DEFAULT: &[Duration] = KEY.durations();

pub(super) const KEY: Key = Key::new(
    "retry_schedule",
    Kind::Durations {
        bounds: Duration::from_millis(10)..=Duration::from_hours(7 * 24),
        most: 50,
        // The schedule of Standard Webhooks 1.0 ("Retries"): ten attempts over about three
        // days.
        default: &[
            Duration::from_secs(5),
            Duration::from_mins(5),
            Duration::from_mins(30),
            Duration::from_hours(2),
            Duration::from_hours(5),
            Duration::from_hours(10),
            Duration::from_hours(14),
            Duration::from_hours(20),
            Duration::from_hours(24),
        ],
    },
    "The time from a failed attempt to the next one, for each further attempt. If the receiver rejects the delivery as it is, such as by \
     HTTP 401 or 404, the attempts end after five minutes. After the last, the delivery is a dead letter.",
);

/// The delays between attempts; none if there are none in the table, or if they were refused.
pub(super) fn read(section: &mut Section<'_>) -> Option<Vec<Duration>> {
    let declared = section.declaration("retry_schedule");
    let value = section.take("retry_schedule")?;
    let entries = value.array(HELP)?;
    match entries.len() {
        0 => value.refuse("is empty", HELP),
        count if count > declared.most() => value.refuse(format_args!("has {count} entries"), HELP),
        _ => {}
    }
    // Each one, so that all problems are reported.
    entries
        .iter()
        .map(|entry| entry.duration(declared.duration_bounds()))
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

/// Adds a line about the delays, unless they are the usual ones.
pub(super) fn add_to(meaning: Meaning, schedule: &[Duration]) -> Meaning {
    if schedule == DEFAULT {
        return meaning;
    }
    let waits: Vec<_> = schedule.iter().map(|wait| duration::written(*wait)).collect();
    meaning.with("retries", format!("after {}", waits.join(", ")))
}
