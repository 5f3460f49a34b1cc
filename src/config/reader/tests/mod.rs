//! What files mean, and which problems bad ones have.

mod hours;
mod mutations;
mod printed;
mod refused;
mod routes;
mod secrets;
mod sinks;
#[cfg(feature = "postgres")]
mod state;
mod tables;
mod templates;
mod warnings;

use std::path::Path;
use std::time::Duration;

use super::parse_in;
use crate::config::{
    Authorization, ClientCert, DiscoverySettings, Effort, ExecSettings, Header, HeaderSettings, HeaderText,
    LogFormat, LogLevel, MonitorSettings, Problems, ProxySource, Rate, Route, SecretSource, Settings,
    SinkSettings, SinkTarget, SlowAfter, TargetSettings as _, TransportSettings, UrlSource, WebhookFormat,
    WebhookSettings,
};
use crate::model::EventKind;

/// A file with every declared key, but for those of a state in a database.
pub(in crate::config) const FULL: &str = include_str!("full.toml");

/// A file with every key of a state in a database, which excludes one in a file.
pub(in crate::config) const FULL_DATABASE: &str = include_str!("full_database.toml");

/// The sample that is shipped.
const SAMPLE: &str = include_str!("../../../../config/restore-watch.toml");

/// The sample with every setting in force.
pub(in crate::config) fn uncommented(sample: &str) -> String {
    let in_force = |line: &str| match line.trim_start().strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    sample.lines().map(in_force).collect::<Vec<_>>().join("\n")
}

fn read(text: &str) -> Result<Settings, Problems> {
    parse_in(text, Path::new("/etc/restore-watch/config.toml"), &|_| None)
}

/// The problems of `text` as they are printed.
pub(super) fn printed(text: &str) -> String {
    let problems = parse_in(text, Path::new("config.toml"), &|_| None).expect_err("should be refused");
    problems.to_string()
}

#[test]
fn smallest_file_has_the_defaults() {
    let settings = read(r#"jobs = ["rj-1"]"#).unwrap();
    let [project] = settings.projects.as_slice() else { panic!("{settings:?}") };
    assert_eq!(project.name.as_str(), "default");
    assert_eq!(project.api_key, SecretSource::Env("PINECONE_API_KEY".to_owned()));
    assert_eq!(project.api.endpoint.to_string(), "https://api.pinecone.io");
    assert_eq!(project.api.version, "2026-04");
    assert_eq!(project.jobs[0].id.as_str(), "rj-1");
    assert!(matches!(settings.sinks.as_slice(), [SinkSettings { target: SinkTarget::Log(_), .. }]));
}

#[test]
fn every_key_of_a_project_is_read() {
    let settings = read(FULL).unwrap();
    let [default, production] = settings.projects.as_slice() else { panic!("{settings:?}") };

    assert_eq!(default.name.as_str(), "default");
    assert_eq!(default.api_key, SecretSource::File("/etc/restore-watch/keys/default".into()));
    assert_eq!(default.api.endpoint.to_string(), "http://10.0.0.1:8080");
    assert_eq!(Some(default.api.requests_per_second), Rate::new(3.0));
    assert_eq!(default.api.burst.get(), 5);
    assert_eq!(default.api.request_timeout, Duration::from_secs(20));
    assert_eq!(default.api.ca_file.as_deref(), Some(Path::new("/etc/restore-watch/ca.pem")));
    assert_eq!(default.cadence.min_interval, Duration::from_secs(2));
    assert_eq!(default.cadence.max_interval, Duration::from_mins(2));
    assert_eq!(default.watch.not_found_grace, Duration::from_secs(30));
    assert_eq!(default.watch.unauthorized_grace, Duration::from_secs(3));
    assert_eq!(default.watch.unreachable_after, Duration::from_mins(5));
    let ids: Vec<_> = default.jobs.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids, ["top-1", "top-2", "own-1"], "the lists are joined");
    assert_eq!(default.cadence.effort, Effort::Eager);
    assert_eq!(default.cadence.expect, Some(Duration::from_mins(15)));
    assert_eq!(default.watch.slow_after, Some(SlowAfter::Quantile(0.95)));
    let discovery = default.discover.as_ref().unwrap();
    assert_eq!(discovery.max_jobs, 500);
    let shown = |patterns: &[crate::config::IndexPattern]| {
        patterns.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        (shown(&discovery.indexes), shown(&discovery.exclude)),
        (vec!["prod-*".to_owned(), "docs".to_owned()], vec!["*-scratch".to_owned()])
    );

    assert_eq!(production.api_key, SecretSource::Credential("pinecone".to_owned()));
    assert_eq!(production.api.endpoint.to_string(), "https://control.example");
    assert_eq!(production.api.version, "2025-10");
    assert_eq!(production.api.burst.get(), 7);
    assert_eq!(production.api.request_timeout, Duration::from_secs(20), "as for all projects");
    assert_eq!(production.api.ca_file.as_deref(), Some(Path::new("/srv/ca.pem")));
    assert_eq!(production.cadence.min_interval, Duration::from_secs(2), "as for all projects");
    assert_eq!(production.cadence.max_interval, Duration::from_secs(10));
    assert_eq!(production.watch.unreachable_after, Duration::ZERO);
    assert_eq!(production.cadence.effort, Effort::Gentle);
    assert_eq!(production.cadence.expect, Some(Duration::from_mins(15)), "as for all projects");
    assert_eq!(production.watch.slow_after, Some(SlowAfter::Time(Duration::from_hours(2))));
    assert_eq!(production.discover, None);
    let [job] = production.jobs.as_slice() else { panic!("{production:?}") };
    assert_eq!(job.name.as_deref(), Some("nightly"));
    assert_eq!(job.deadline, Some(Duration::from_hours(2)));

    assert_eq!(settings.state.file(), Some(Path::new("/etc/restore-watch/state/watch.db")));
    assert_eq!(settings.state.keep.records, Duration::from_hours(7 * 24));
    assert_eq!(settings.state.keep.history, Duration::from_hours(2 * 365 * 24));
    assert_eq!(settings.drain_timeout, Duration::from_secs(30));
    let monitor = settings.monitor.unwrap();
    assert_eq!((monitor.interval, monitor.allow_http), (Duration::from_mins(5), true));
    assert!(monitor.count_sinks);
    assert!(matches!(monitor.url, UrlSource::Given(url) if url.to_string() == "http://monitor.example"));
}

#[test]
fn every_key_of_a_sink_is_read() {
    let settings = read(FULL).unwrap();
    let [journal, screen, ops, chat, hook, _, _, _, pages] = settings.sinks.as_slice() else {
        panic!("{:?}", settings.sinks)
    };
    let (SinkTarget::Log(log), SinkTarget::Desktop(_), SinkTarget::Webhook(ops), SinkTarget::Webhook(chat)) =
        (&journal.target, &screen.target, &ops.target, &chat.target)
    else {
        panic!("{:?}", settings.sinks)
    };
    assert_eq!((journal.name.as_str(), log.format), ("journal", LogFormat::Json));
    assert_eq!(log.levels, [(EventKind::Failed, LogLevel::Error)]);
    assert!(journal.route.events.wants(EventKind::ProjectRecovered));
    assert_eq!(screen.name, "screen");
    assert_eq!(screen.route.events.kinds(), [EventKind::Completed]);
    let Route { events: _, projects, indexes, exclude_indexes, names } = &screen.route;
    let shown = |patterns: &[crate::config::NamePattern]| {
        patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
    };
    assert_eq!((shown(projects), shown(names)), ("prod* | default".into(), "nightly* | a b/c?".into()));
    assert_eq!(format!("{} {} {}", indexes[0], indexes[1], exclude_indexes[0]), "prod-* docs *-scratch");
    assert_eq!(chat.retry_schedule, [Duration::from_secs(1)], "as [sink_defaults] says");
    assert_eq!(journal.route.exclude_indexes[0].to_string(), "tmp-*", "likewise");
    assert!(matches!(&ops.url, UrlSource::Given(url) if url.to_string() == "http://hooks.example"));
    assert!(ops.allow_http && !chat.allow_http);
    assert!(matches!(&chat.url, UrlSource::From(SecretSource::Env(name)) if name == "CHAT_URL"));
    assert_eq!((ops.format, chat.format), (WebhookFormat::CloudEvents, WebhookFormat::Slack));
    assert!(ops.block_private && !chat.block_private);
    let old = SecretSource::File("/etc/restore-watch/keys/old".into());
    assert_eq!(ops.signing_secrets, [SecretSource::Credential("new".to_owned()), old]);
    assert_eq!(chat.signing_secrets, [SecretSource::Env("CHAT_SECRET".to_owned())]);
    assert_eq!(ops.retry_schedule, [Duration::from_millis(10), Duration::from_hours(7 * 24)]);
    every_header_is_read(&ops.headers, &chat.headers);
    every_way_is_read(&ops.transport, &chat.transport);

    let SinkTarget::Exec(exec) = &hook.target else { panic!("{hook:?}") };
    let program = "/etc/restore-watch/bin/on-restore";
    let usual = ExecSettings::new(program, Vec::new());
    let (timeout, retry_schedule) = (Duration::from_mins(1), vec![Duration::from_secs(1)]);
    assert_eq!(*exec, ExecSettings { timeout, retry: false, retry_schedule, ..usual });

    let SinkTarget::Webhook(pages) = &pages.target else { panic!("{pages:?}") };
    assert_eq!((pages.format, &chat.routing_key), (WebhookFormat::PagerDuty, &None));
    assert_eq!(pages.routing_key, Some(SecretSource::Credential("pages-key".to_owned())));
    assert!(
        matches!(&pages.url, UrlSource::Given(url) if url.expose().as_str() == "https://events.pagerduty.com/v2/enqueue")
    );
}

fn every_header_is_read(ops: &HeaderSettings, chat: &HeaderSettings) {
    let header = |name: &str, value| Header { name: name.to_owned(), value };
    let key = SecretSource::File("/etc/restore-watch/keys/api".into());
    assert!(ops.named.contains(&header("X-Team", HeaderText::Given("search".to_owned()))));
    assert!(ops.named.contains(&header("X-Api-Key", HeaderText::From(key))));
    let token = SecretSource::Credential("token".to_owned());
    assert_eq!(ops.authorization, Some(Authorization::Bearer(token)));
    let password = SecretSource::Env("CHAT_PASSWORD".to_owned());
    let basic = Authorization::Basic { user: "restores".to_owned(), password };
    assert_eq!((chat.named.len(), &chat.authorization), (0, &Some(basic)));
}

fn every_way_is_read(ops: &TransportSettings, chat: &TransportSettings) {
    let only_proxy = TransportSettings { proxy: Some(ProxySource::None), ..TransportSettings::default() };
    assert_eq!(*ops, only_proxy);
    let client_cert = ClientCert {
        file: Some("/etc/restore-watch/client.pem".into()),
        key: SecretSource::File("/etc/restore-watch/client-key.pem".into()),
    };
    assert_eq!(chat.ca_file.as_deref(), Some(Path::new("/etc/restore-watch/ca.pem")));
    assert_eq!(chat.client_cert, Some(client_cert));
    let proxy = SecretSource::File("/etc/restore-watch/keys/proxy".into());
    assert_eq!(chat.proxy, Some(ProxySource::From(proxy)));
}

#[test]
fn command_is_a_path_or_a_name() {
    let program = |command: &str| {
        let settings = read(&format!("jobs = ['a']\n[[sink]]\ntype = 'exec'\ncommand = {command}")).unwrap();
        let [SinkSettings { target: SinkTarget::Exec(exec), .. }, _] = settings.sinks.as_slice() else {
            panic!("{:?}", settings.sinks)
        };
        (exec.program.display().to_string(), exec.arguments.clone())
    };
    let of = |program: &str, arguments: &[&str]| {
        (program.to_owned(), arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    };

    for (command, found) in [
        ("['/opt/my tools/x']", of("/opt/my tools/x", &[])),
        ("['./bin/x', '']", of("/etc/restore-watch/./bin/x", &[""])),
        ("['logger', '-t', 'a b']", of("logger", &["-t", "a b"])),
        ("['sh', '-c', '$(x)', '&&']", of("sh", &["-c", "$(x)", "&&"])),
        ("['/bin/sh', '-ec', '$(date)']", of("/bin/sh", &["-ec", "$(date)"])),
        ("['bash', '-lc', '${X}']", of("bash", &["-lc", "${X}"])),
    ] {
        assert_eq!(program(command), found, "{command}");
    }
}

#[test]
fn state_is_in_the_first_directory_that_is_named() {
    let read = |text: &str, variables: &[(&str, &str)]| {
        let variable = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.into());
        let text = format!("jobs = ['a']\n{text}");
        parse_in(&text, Path::new("/etc/restore-watch/config.toml"), &variable).unwrap().state
    };
    let place = |text: &str, variables: &[(&str, &str)]| {
        read(text, variables).file().map(|path| path.display().to_string())
    };
    let service = ("STATE_DIRECTORY", "/var/lib/restore-watch:/var/lib/other");
    let (xdg, home) = (("XDG_STATE_HOME", "/xdg"), ("HOME", "/home/a"));
    for (text, variables, found) in [
        ("state.path = '/srv/a.db'", &[service, xdg, home][..], Some("/srv/a.db")),
        ("state.path = 'a.db'", &[service], Some("/etc/restore-watch/a.db")),
        ("", &[service, xdg, home], Some("/var/lib/restore-watch/state.db")),
        ("", &[("STATE_DIRECTORY", ""), xdg, home], Some("/xdg/restore-watch/state.db")),
        ("", &[("STATE_DIRECTORY", ":/var/lib/x")], Some("/var/lib/x/state.db")),
        ("[state]", &[xdg, home], Some("/xdg/restore-watch/state.db")),
        ("", &[("XDG_STATE_HOME", "xdg"), home], Some("/home/a/.local/state/restore-watch/state.db")),
        ("", &[("XDG_STATE_HOME", ""), home], Some("/home/a/.local/state/restore-watch/state.db")),
        ("", &[("XDG_STATE_HOME", "xdg"), ("HOME", "")], None),
        ("", &[], None),
    ] {
        assert_eq!(place(text, variables).as_deref(), found, "{text} {variables:?}");
    }
    assert_eq!(read("", &[]).keep.records, Duration::from_hours(30 * 24));
    assert_eq!(read("state.keep = '1h'", &[]).keep.records, Duration::from_hours(1));
    assert_eq!(read("", &[]).keep.history, Duration::from_hours(730 * 24));
    assert_eq!(read("state.keep_history = '10y'", &[]).keep.history, Duration::from_hours(3650 * 24));
}

#[test]
fn discovered_jobs_need_not_be_configured() {
    let found = |text: &str| {
        let settings = read(text).unwrap();
        let of = |project: &crate::config::ProjectSettings| {
            (project.name.to_string(), project.jobs.len(), project.discover.clone())
        };
        settings.projects.iter().map(of).collect::<Vec<_>>()
    };
    let (all, default, x) = (Some(DiscoverySettings::default()), "default".to_owned(), "x".to_owned());
    assert_eq!(found("discover = true"), [(default.clone(), 0, all.clone())]);
    assert_eq!(found("discover = {}"), [(default.clone(), 0, all.clone())]);
    assert_eq!(found("discover = false\njobs = ['a']"), [(default.clone(), 1, None)]);
    assert_eq!(found("[[project]]\nname = 'x'\ndiscover = true"), [(x.clone(), 0, all.clone())]);
    let both =
        "discover = true\n[[project]]\nname = 'default'\njobs = ['a']\n[[project]]\nname = 'x'\njobs = []";
    assert_eq!(found(both), [(default, 1, all), (x, 0, None)]);
}

#[test]
fn unusual_forms_are_accepted() {
    for text in [
        "\u{feff}jobs = ['a']\r\n",
        "jobs = ['a']\nwatch.until = 'completed'",
        "jobs = []\n[[project]]\nname = 'x'\ndiscover = false\njobs = ['a']",
        "jobs = ['a']\n[[project]]\nname = 'default'",
        "jobs = ['a']\n[api]\nrequests_per_second = 1",
        "jobs = ['a']\n[[sink]]\ntype = 'log'\nlevels = {}",
        "jobs = ['a']\napi = { endpoint = 'http://10.0.0.1' }\n[[project]]\nname = 'default'\napi.allow_http = true",
        "[[project]]\nname = 'x'\njobs = ['a']\n[[project]]\nname = 'y'\njobs = ['a']",
        "jobs = ['a']\n[state]",
        "jobs = []",
        "[[project]]\nname = 'x'\njobs = []",
        "jobs = ['a']\n[heartbeat]\nurl = { env = 'PING' }",
        "jobs = ['a']\ndrain_timeout = '0s'\n[heartbeat]\nurl = 'http://127.0.0.1:9/x'\ninterval = '1d'",
        "jobs = ['a']\n[state]\nkeep = '365d'",
        "jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = 'https://9.9.9.9'\nblock_private = true",
        "jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = 'http://127.0.0.1'\nblock_private = false",
        "jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = { env = 'URL' }\nsigning_secret = [{ env = 'A' }]",
    ] {
        if let Err(problems) = read(text) {
            panic!("{text}\n{problems}");
        }
    }
}

#[test]
#[cfg(not(feature = "postgres"))]
fn database_takes_a_program_with_the_feature() {
    let problems = printed("jobs = []\n[state]\npostgres = { env = 'URL' }");

    assert!(
        problems.contains("config.toml:3:12") && problems.contains("without the feature `postgres`"),
        "{problems}"
    );
}

#[test]
#[cfg(not(feature = "desktop"))]
fn desktop_takes_a_program_with_the_feature() {
    let problems = printed("jobs = []\n[[sink]]\ntype = \"desktop\"\nevnts = []");

    assert!(
        problems.contains("config.toml:3:8") && problems.contains("built without desktop notifications"),
        "{problems}"
    );
    assert!(problems.contains("config.toml:4:1") && problems.contains("unknown key `evnts`"), "{problems}");
}

#[test]
fn sample_is_valid_and_shows_the_defaults() {
    let plain = read(SAMPLE).unwrap();
    let full = read(&uncommented(SAMPLE)).unwrap();
    assert_eq!(full.projects.len(), 2);
    assert_eq!(full.sinks.len(), 5);
    let (mut given, default) = (full.projects[0].clone(), &plain.projects[0]);
    assert!(given.api.ca_file.take().is_some());
    assert_eq!(format!("{:?}", given.api), format!("{:?}", default.api));
    // An example: without it, nothing is expected.
    assert_eq!(given.cadence.expect.take(), Some(Duration::from_mins(10)));
    assert_eq!(given.cadence, default.cadence);
    // An example: without it, nothing is slow.
    assert_eq!(given.watch.slow_after.take(), Some(SlowAfter::Quantile(0.95)));
    assert_eq!(given.watch, default.watch);
    assert!(given.discover.is_none() && full.projects[1].discover.is_some());
    assert_eq!(full.state.keep, plain.state.keep);
    assert_eq!(full.drain_timeout, plain.drain_timeout);
    let monitor = full.monitor.unwrap();
    assert_eq!((monitor.interval, monitor.allow_http), (MonitorSettings::INTERVAL, false));
    assert!(!monitor.count_sinks);
    assert!(plain.monitor.is_none());
    assert!(full.state.place.is_some() && plain.state.place.is_none());
    let [_, _, SinkSettings { route, target: SinkTarget::Webhook(webhook), .. }, _, exec] =
        full.sinks.as_slice()
    else {
        panic!("{:?}", full.sinks)
    };
    let usual = WebhookSettings::new(webhook.url.clone());
    assert_eq!((webhook.allow_http, webhook.block_private), (usual.allow_http, usual.block_private));
    assert_eq!((webhook.format, &webhook.retry_schedule), (usual.format, &usual.retry_schedule));
    assert_eq!((webhook.signing_secrets.len(), &route.events), (1, &usual.usual_events()));
    let SinkTarget::Exec(exec) = &exec.target else { panic!("{exec:?}") };
    assert_eq!(*exec, ExecSettings::new("/usr/local/bin/on-restore", vec!["--quiet".to_owned()]));
}

#[test]
fn environment_replaces_only_the_default_endpoint() {
    let with = |text, host: &'static str| {
        parse_in(text, Path::new("config.toml"), &move |name| {
            (name == "PINECONE_CONTROLLER_HOST").then(|| host.into())
        })
    };
    let endpoint = |text, host| with(text, host).unwrap().projects[0].api.endpoint.to_string();
    let silent = "jobs = ['a']";
    let outspoken = "jobs = ['a']\n[api]\nendpoint = 'given.example'";
    assert_eq!(endpoint(silent, "host.example"), "https://host.example");
    assert_eq!(endpoint(silent, ""), "https://api.pinecone.io");
    assert_eq!(endpoint(outspoken, "host.example"), "https://given.example");
    assert_eq!(endpoint(outspoken, "no URL"), "https://given.example");
    insta::assert_snapshot!(with(silent, "http://user:canary@10.0.0.1").unwrap_err(), @"
error: the environment variable PINECONE_CONTROLLER_HOST cannot be used: the URL carries a user name or password
  = help: remove them, the API key is given apart

1 problem
");
    insta::assert_snapshot!(with(silent, "http://10.0.0.1").unwrap_err(), @"
error: the environment variable PINECONE_CONTROLLER_HOST cannot be used: plain http would send the API key unencrypted to `10.0.0.1`
  = help: use https, or set `allow_http = true`

1 problem
");
}
