//! `[heartbeat]`: the dead-man monitor that is pinged.

use std::path::Path;

use super::report::Finding;
use super::section::Section;
use super::url;
use crate::config::MonitorSettings;

/// Reads `heartbeat` of the top level. A relative path starts at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path) -> Option<MonitorSettings> {
    let mut section = top.section("heartbeat")?;
    let allow_http = url::allow_http(&mut section);
    if section.lacks("url") {
        let help = "add url = \"https://…\", or url = { env = \"NAME\" } if the address is a secret";
        section.report.push(Finding::new(&section.span, "a heartbeat without a url").help(help));
    }
    let url = section.take("url").and_then(|value| url::read(&value, allow_http, None, base));
    let interval = section.duration("interval").unwrap_or(MonitorSettings::INTERVAL);
    let count_sinks = section.boolean("count_sinks").unwrap_or(false);
    section.finish();
    Some(MonitorSettings { url: url?, allow_http, interval, count_sinks })
}
