//! `[heartbeat]`: who is told that the watch works.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::report::Finding;
use super::section::Section;
use super::webhook;
use crate::config::HeartbeatSettings;

/// Less often than daily, no monitor would be told in time by it.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24);

/// Reads `heartbeat` of the top level. A relative path starts at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path) -> Option<HeartbeatSettings> {
    let mut section = top.section("heartbeat")?;
    let allow_http = webhook::allow_http(&mut section);
    if section.lacks("url") {
        let help = "add url = \"https://…\", or url = { env = \"NAME\" } if the address is a secret";
        section.report.push(Finding::new(&section.span, "a heartbeat without a url").help(help));
    }
    let url = section.take("url").and_then(|value| webhook::url(&value, allow_http, None, base));
    let interval = section.duration("interval", &INTERVAL).map(|(interval, _)| interval);
    section.finish();
    Some(HeartbeatSettings {
        url: url?,
        allow_http,
        interval: interval.unwrap_or(HeartbeatSettings::INTERVAL),
    })
}
