//! What a configuration means, in words.
//!
//! Invariant: each key of `[api]`, `[cadence]` and `[watch]` has a name here, so that none can be
//! left out.

use std::fmt::Write as _;
use std::path::Path;

use console::measure_text_width;

use super::routes;
use crate::adapters::report::DaemonStatus;
use crate::adapters::store;
use crate::config::{
    self, ApiSettings, CadenceSettings, ClusterSettings, DiscoverySettings, Encryption, EventFilter,
    HttpSettings, IndexPattern, Meaning, PostgresAddress, PostgresSettings, ProjectSettings, Settings,
    ShownPath, SinkSettings, SlowAfter, StateSettings, UrlSource, WatchSettings, trusted,
};
use crate::model::{EventKind, duration};
use crate::platform::lines::hanging;

/// Where the unit `restore-watch.service` keeps the state (`StateDirectory=`).
const SERVICE_STATE: &str = "/var/lib/restore-watch";

/// What the file at `path` means. If a daemon uses it, `daemon` is what that says of itself.
pub(super) fn meaning(path: &Path, settings: &Settings, daemon: Option<&DaemonStatus>) -> String {
    let mut text = format!("{} is valid\n", ShownPath(path));
    for project in &settings.projects {
        text += &project_meaning(project);
    }
    for sink in &settings.sinks {
        text += &sink_meaning(sink);
    }
    text += &routes::routes(settings);
    text += &state_meaning(path, &settings.state, daemon);
    if let Some(monitor) = &settings.monitor {
        let to = match &monitor.url {
            UrlSource::Given(url) => url.to_string(),
            UrlSource::From(source) => format!("the address from {source}"),
        };
        let interval = duration::written(monitor.interval);
        // Writing to a text does not fail.
        let _ = writeln!(text, "\nheartbeat\n  to        {to}, every {interval}");
        if monitor.count_sinks {
            text += "  counts    sinks, too\n";
        }
    }
    text + &http_meaning(&settings.http)
}

/// The meaning in lines of this width: what is said of a key stands beside its name.
pub(super) fn fitted(meaning: &str, width: Option<usize>) -> String {
    /// Where the words about a key begin.
    const INDENT: usize = 12;

    let is_long = |line: &str| width.is_some_and(|width| measure_text_width(line) > width);
    let line = |line: &str| match line.split_at_checked(INDENT) {
        Some((name, words)) if name.starts_with("  ") && is_long(line) => {
            name.to_owned() + &hanging(words, INDENT, width)
        }
        _ => line.to_owned(),
    };
    meaning.lines().map(|text| line(text) + "\n").collect()
}

fn project_meaning(project: &ProjectSettings) -> String {
    // Each key has a name here, so that none can be left out.
    let ApiSettings { endpoint, version, requests_per_second, burst, request_timeout, ca_file } =
        &project.api;
    let CadenceSettings { effort, min_interval, max_interval, expect } = project.cadence;
    let WatchSettings { not_found_grace, unauthorized_grace, unreachable_after, until, slow_after } =
        project.watch;

    let written = duration::written;
    let mut text = format!(
        "\nproject {}\n  endpoint  {}, API version {}\n  API key   from {}\n  rate      {} requests/s, burst {}, each at \
         most {}\n  polls     {} to {} apart, effort {}{}\n  emits     not found after {}, unauthorized after {}, unreachable after {}{}\n  \
         until     {}\n  jobs      {}\n",
        project.name,
        endpoint,
        version,
        project.api_key,
        requests_per_second.per_second(),
        burst,
        written(*request_timeout),
        written(min_interval),
        written(max_interval),
        effort,
        expect.map(|expect| format!(", expecting {}", written(expect))).unwrap_or_default(),
        written(not_found_grace),
        written(unauthorized_grace),
        written(unreachable_after),
        slow_meaning(slow_after),
        until,
        jobs_meaning(project),
    );
    if let Some(file) = ca_file {
        // Writing to a text does not fail.
        let _ = writeln!(text, "  trusts    {}", trusted(file));
    }
    for job in &project.jobs {
        let name = job.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
        let deadline = job.deadline.map(|limit| format!("  deadline {}", written(limit))).unwrap_or_default();
        let until = job.until.map(|until| format!("  until {until}")).unwrap_or_default();
        let _ = writeln!(text, "    {}{name}{deadline}{until}", job.id);
    }
    text
}

fn slow_meaning(slow_after: Option<SlowAfter>) -> String {
    match slow_after {
        None => String::new(),
        Some(SlowAfter::Time(time)) => format!(", slow after {}", duration::written(time)),
        Some(part @ SlowAfter::Quantile(_)) => {
            format!(", slow once longer than {part} of the past restores (at least 20)")
        }
    }
}

/// How many are named, and which are found.
fn jobs_meaning(project: &ProjectSettings) -> String {
    let named = project.jobs.len();
    let Some(DiscoverySettings { indexes, exclude, max_jobs }) = &project.discover else {
        return named.to_string();
    };
    let list =
        |patterns: &[IndexPattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let into = match &indexes[..] {
        [] => String::new(),
        indexes => format!(" into indexes {}", list(indexes)),
    };
    let except = match &exclude[..] {
        [] => String::new(),
        exclude => format!(", except into {}", list(exclude)),
    };
    let limit = if *max_jobs == DiscoverySettings::MAX_JOBS {
        String::new()
    } else {
        format!(", at most {max_jobs}")
    };
    format!("{named}, and all that are found unfinished{into}{except}{limit}")
}

fn sink_meaning(sink: &SinkSettings) -> String {
    let Meaning { target, facts } = sink.target.settings().meaning();
    let mut text = format!("\nsink {}\n  {target}\n  receives  {}\n", sink.name, events(&sink.route.events));
    let hours = sink.hours.iter().map(|hours| ("hours", hours.to_string()));
    for (label, value) in routes::filters(&sink.route).into_iter().chain(hours).chain(facts) {
        // Writing to a text does not fail.
        let _ = writeln!(text, "  {label:<8}  {value}");
    }
    text
}

fn state_meaning(file: &Path, state: &StateSettings, daemon: Option<&DaemonStatus>) -> String {
    let of_daemon = daemon.and_then(|daemon| Some((daemon.state.as_ref()?, daemon.pid)));
    let place = match (of_daemon, store::backend(state)) {
        (Some((place, pid)), _) => format!("{place}, by the running daemon (process {pid})"),
        (None, Some(backend)) if config::is_state_of_user(file, state) => {
            format!("{} (for this user; the system service keeps it in {SERVICE_STATE})", backend.location())
        }
        (None, Some(backend)) => backend.location(),
        (None, None) => "nowhere: neither this file nor the environment says where".to_owned(),
    };
    format!(
        "\nstate\n  kept in   {place}\n{}  kept for  {} after the end of a job\n  history   {} after the end of a restore\n",
        state.database().map(database_meaning).unwrap_or_default(),
        duration::written(state.keep.records),
        duration::written(state.keep.history)
    )
}

/// How the database is connected to, and what the replicas that share it are.
fn database_meaning(database: &PostgresSettings) -> String {
    let PostgresSettings { address, ca_file, allow_plaintext, cluster } = database;
    let ClusterSettings { name, replica, lease } = cluster;
    let mut text = String::new();
    // Writing to a text does not fail.
    if let PostgresAddress::Given(address) = address {
        let tls = match address.encryption() {
            Encryption::Off => "without TLS",
            Encryption::IfOffered => "with TLS if the server has it",
            Encryption::Required => "with TLS",
        };
        let _ = writeln!(text, "  role      {}, {tls}", address.role());
    } else if *allow_plaintext {
        text += "  allows    connections without TLS\n";
    }
    if let Some(file) = ca_file {
        let _ = writeln!(text, "  trusts    {}", trusted(file));
    }
    let replica = replica.as_deref().unwrap_or("called by the host name");
    let lease = duration::written(*lease);
    let _ = writeln!(text, "  cluster   {name}\n  replica   {replica}\n  lease     {lease}");
    text
}

/// Where the HTTP listener listens, if it does.
fn http_meaning(http: &HttpSettings) -> String {
    let HttpSettings { listen, allow_remote: _, token, hosts } = http;
    if *http == HttpSettings::default() {
        return String::new();
    }
    let addresses = match &listen[..] {
        [] => "nowhere, unless `run --http` says where".to_owned(),
        listen => {
            format!("on {}", listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
    };
    let needs = token.as_ref().map_or("no token".to_owned(), |source| format!("a token from {source}"));
    let mut text = format!("\nhttp\n  listens   {addresses}\n  needs     {needs}\n");
    if !hosts.is_empty() {
        // Writing to a text does not fail.
        let _ = writeln!(text, "  hosts     {}, too", hosts.join(", "));
    }
    text
}

fn events(filter: &EventFilter) -> String {
    if *filter == EventFilter::all() {
        return "every event".to_owned();
    }
    if *filter == EventFilter::none() {
        return "no event".to_owned();
    }
    let names: Vec<_> = filter.kinds().iter().map(|kind: &EventKind| kind.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_below_their_words() {
        let meaning =
            "\nsink chat\n  receives  restore_job.completed, restore_job.failed\n    rj-1  nightly\n";

        let narrow = "\nsink chat\n  receives  restore_job.completed,\n            restore_job.failed\n    rj-1  nightly\n";
        assert_eq!(fitted(meaning, Some(40)), narrow);
        assert_eq!(fitted(meaning, None), meaning);
    }
}
