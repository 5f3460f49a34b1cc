//! `[api]`, `[cadence]` and `[watch]`: once for all projects, and again in any project that differs.
//!
//! Invariant: a value is checked where it is written; what depends on two of them is checked for every project, with
//! the values that hold there.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::report::{Finding, Report, Span};
use super::section::Section;
use super::value::Value;
use crate::config::environment::{self, Variables};
use crate::config::redaction::quoted;
use crate::config::{
    ApiSettings, CadenceSettings, Effort, Endpoint, EndpointError, Rate, SlowAfter, WatchSettings,
};
use crate::model::{Until, duration};

/// The environment variable that replaces the default endpoint, as it does for the official clients.
const HOST: &str = "PINECONE_CONTROLLER_HOST";

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(5);
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24);
const PATIENCE: RangeInclusive<Duration> = Duration::ZERO..=duration::MAX;
/// A refusal that lasts longer is none of a gateway that restarts.
const CONFIRMED_WITHIN: RangeInclusive<Duration> = Duration::ZERO..=WatchSettings::MAX_UNAUTHORIZED_GRACE;
const BURST: RangeInclusive<u32> = 1..=1000;

/// Where a key belongs that was found in another table, for the help on it.
pub(super) fn home(key: &str) -> Option<&'static str> {
    match key {
        "endpoint" | "version" | "requests_per_second" | "burst" | "request_timeout" | "ca_file" => {
            Some("[api], or to [project.api]")
        }
        "allow_http" => Some("[api], or to a webhook"),
        "min_interval" | "max_interval" | "effort" => Some("[cadence], or to [project.cadence]"),
        "block_private" | "retry_schedule" | "signing_secret" => Some("a webhook"),
        "keep" => Some("[state]"),
        "interval" => Some("[heartbeat]"),
        "drain_timeout" => Some("the top of the file"),
        "discover" => Some("the top of the file, or to a [[project]]"),
        "indexes" | "exclude" | "max_jobs" => Some("`discover`, as in discover = { indexes = [\"prod-*\"] }"),
        "not_found_grace" | "unauthorized_grace" | "unreachable_after" | "until" | "slow_after" => {
            Some("[watch], or to [project.watch]")
        }
        _ => None,
    }
}

/// What one level of the file says; nothing where it is silent.
#[derive(Debug, Default)]
pub(super) struct Layers<'a> {
    api: Api<'a>,
    cadence: Cadence,
    watch: Watch,
}

#[derive(Debug, Default)]
struct Api<'a> {
    endpoint: Option<(&'a str, Span)>,
    allow_http: Option<bool>,
    version: Option<String>,
    requests_per_second: Option<Rate>,
    burst: Option<NonZeroU32>,
    request_timeout: Option<Duration>,
    ca_file: Option<PathBuf>,
    /// One of the values was refused, so that what depends on them cannot be judged.
    refused: bool,
}

#[derive(Debug, Default)]
struct Cadence {
    effort: Option<Effort>,
    min: Option<(Duration, Span)>,
    max: Option<(Duration, Span)>,
    /// As in [`Api`].
    refused: bool,
}

#[derive(Debug, Default)]
struct Watch {
    not_found_grace: Option<Duration>,
    unauthorized_grace: Option<Duration>,
    unreachable_after: Option<Duration>,
    until: Option<Until>,
    slow_after: Option<SlowAfter>,
}

/// The settings of one project.
pub(super) struct Resolved {
    pub(super) api: ApiSettings,
    pub(super) cadence: CadenceSettings,
    pub(super) watch: WatchSettings,
}

impl<'a> Layers<'a> {
    /// Reads `api`, `cadence` and `watch` of `section`. Relative paths start at `base`.
    pub(super) fn read(section: &mut Section<'a>, base: &Path) -> Self {
        Self {
            api: section.section("api").map(|api| Api::read(api, base)).unwrap_or_default(),
            cadence: section.section("cadence").map(Cadence::read).unwrap_or_default(),
            watch: section.section("watch").map(Watch::read).unwrap_or_default(),
        }
    }

    /// Reports an endpoint that no project could use, whether one does or not.
    pub(super) fn check(&self, report: &Report) {
        if let Some((text, span)) = &self.api.endpoint {
            endpoint(text, span, true, report);
        }
    }

    /// The settings of a project that says `self` under a file that says `common`; nothing if they do not fit together.
    pub(super) fn resolve(
        &self,
        common: &Self,
        variables: &Variables<'_>,
        report: &Report,
    ) -> Option<Resolved> {
        let api = self.api.resolve(&common.api, variables, report);
        let cadence = self.cadence.resolve(&common.cadence, report);
        Some(Resolved { api: api?, cadence: cadence?, watch: self.watch.resolve(&common.watch) })
    }
}

impl<'a> Api<'a> {
    fn read(mut section: Section<'a>, base: &Path) -> Self {
        let before = section.report.len();
        let endpoint = section.take("endpoint").and_then(|value| Some((value.string()?, value.span)));
        let allow_http = section.boolean("allow_http");
        // Whether an endpoint is good depends on these two.
        let refused = section.report.len() > before;
        let api = Self {
            endpoint,
            allow_http,
            version: section.take("version").and_then(|value| version(&value)),
            requests_per_second: section.rate("requests_per_second"),
            burst: section.integer("burst", &BURST).and_then(NonZeroU32::new),
            request_timeout: section.duration("request_timeout", &TIMEOUT).map(|(value, _)| value),
            ca_file: section.path("ca_file", base),
            refused,
        };
        section.finish();
        api
    }

    fn resolve(&self, common: &Self, variables: &Variables<'_>, report: &Report) -> Option<ApiSettings> {
        let default = ApiSettings::default();
        let allow_http = self.allow_http.or(common.allow_http).unwrap_or(false);
        let endpoint = match self.endpoint.as_ref().or(common.endpoint.as_ref()) {
            _ if self.refused || common.refused => None,
            Some((text, span)) => endpoint(text, span, allow_http, report),
            None => match environment::non_empty(variables, HOST) {
                Some(host) => endpoint_of_environment(host, allow_http, report),
                None => Some(default.endpoint),
            },
        };
        Some(ApiSettings {
            endpoint: endpoint?,
            version: self.version.clone().or_else(|| common.version.clone()).unwrap_or(default.version),
            requests_per_second: self
                .requests_per_second
                .or(common.requests_per_second)
                .unwrap_or(default.requests_per_second),
            burst: self.burst.or(common.burst).unwrap_or(default.burst),
            request_timeout: self
                .request_timeout
                .or(common.request_timeout)
                .unwrap_or(default.request_timeout),
            ca_file: self.ca_file.clone().or_else(|| common.ca_file.clone()),
        })
    }
}

fn endpoint(text: &str, span: &Span, allow_http: bool, report: &Report) -> Option<Endpoint> {
    Endpoint::parse(text, allow_http)
        .map_err(|error| {
            let finding = explain(&error, |message| Finding::new(span, message), "`endpoint`");
            report.push(match error {
                EndpointError::Placeholder(_) => finding.help(format!(
                    "write the address itself, or remove `endpoint` and set the environment variable {HOST}"
                )),
                _ => finding,
            });
        })
        .ok()
}

fn endpoint_of_environment(host: OsString, allow_http: bool, report: &Report) -> Option<Endpoint> {
    let title = format!("the environment variable {HOST}");
    let Ok(host) = host.into_string() else {
        let help = "set it to a URL, or set `endpoint` in [api]";
        report.push(Finding::of_environment(format!("{title} is not valid UTF-8")).help(help));
        return None;
    };
    Endpoint::parse(&host, allow_http)
        .map_err(|error| report.push(explain(&error, Finding::of_environment, &title)))
        .ok()
}

/// What is wrong with an endpoint, and after the semicolon what to do about it.
fn explain(error: &EndpointError, finding: impl Fn(String) -> Finding, title: &str) -> Finding {
    let text = error.to_string();
    let (fault, help) = text.split_once("; ").unwrap_or((&text, "write it like `https://api.pinecone.io`"));
    // Only a configuration file has this way out.
    let plain = matches!(error, EndpointError::PlainHttp(_));
    let help = if plain { "use https, or set `allow_http = true`" } else { help };
    finding(format!("{title} cannot be used: {fault}")).help(help)
}

/// A version of the API: the month it was published in.
fn version(value: &Value<'_>) -> Option<String> {
    let text = value.string_or("a string", "write it like \"2026-04\"")?;
    let good = match text.as_bytes() {
        [b'2', b'0', _, _, b'-', month @ ..] if text[..4].bytes().all(|digit| digit.is_ascii_digit()) => {
            // Restore jobs are part of the API since 2025, and were announced in 2024.
            &text[..4] >= "2024" && matches!(month, [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2'])
        }
        _ => false,
    };
    if !good {
        let fault = format!("is {}, which is not a version of the API", quoted(text));
        value.refuse(fault, "versions are months, such as \"2026-04\"");
    }
    good.then(|| text.to_owned())
}

impl Cadence {
    fn read(mut section: Section<'_>) -> Self {
        let before = section.report.len();
        let min = section.duration("min_interval", &INTERVAL);
        let max = section.duration("max_interval", &INTERVAL);
        let refused = section.report.len() > before;
        let effort = section.take("effort").and_then(|value| value.choice());
        section.finish();
        Self { effort, min, max, refused }
    }

    fn resolve(&self, common: &Self, report: &Report) -> Option<CadenceSettings> {
        if self.refused || common.refused {
            return None;
        }
        let default = CadenceSettings::default();
        let min = self.min.as_ref().or(common.min.as_ref());
        let max = self.max.as_ref().or(common.max.as_ref());
        let settings = CadenceSettings {
            effort: self.effort.or(common.effort).unwrap_or(default.effort),
            min_interval: min.map_or(default.min_interval, |(value, _)| *value),
            max_interval: max.map_or(default.max_interval, |(value, _)| *value),
        };
        if settings.min_interval <= settings.max_interval {
            return Some(settings);
        }
        // The one that is nearer to the project is the one that does not fit.
        let culprit = [&self.max, &self.min, &common.max, &common.min].into_iter().flatten().next();
        let show = |value, given: bool| {
            format!("({}{})", duration::written(value), if given { "" } else { ", the default" })
        };
        let message = format!(
            "`min_interval` {} is longer than `max_interval` {}",
            show(settings.min_interval, min.is_some()),
            show(settings.max_interval, max.is_some()),
        );
        if let Some((_, span)) = culprit {
            report.push(Finding::new(span, message).help("lower `min_interval` or raise `max_interval`"));
        }
        None
    }
}

impl Watch {
    fn read(mut section: Section<'_>) -> Self {
        let watch = Self {
            not_found_grace: section.duration("not_found_grace", &PATIENCE).map(|(value, _)| value),
            unauthorized_grace: section
                .duration("unauthorized_grace", &CONFIRMED_WITHIN)
                .map(|(value, _)| value),
            unreachable_after: section.duration("unreachable_after", &PATIENCE).map(|(value, _)| value),
            until: until(&mut section),
            slow_after: section.take("slow_after").and_then(|value| slow_after(&value)),
        };
        section.finish();
        watch
    }

    fn resolve(&self, common: &Self) -> WatchSettings {
        let default = WatchSettings::default();
        WatchSettings {
            not_found_grace: self
                .not_found_grace
                .or(common.not_found_grace)
                .unwrap_or(default.not_found_grace),
            unauthorized_grace: self
                .unauthorized_grace
                .or(common.unauthorized_grace)
                .unwrap_or(default.unauthorized_grace),
            unreachable_after: self
                .unreachable_after
                .or(common.unreachable_after)
                .unwrap_or(default.unreachable_after),
            until: self.until.or(common.until).unwrap_or(default.until),
            slow_after: self.slow_after.or(common.slow_after).or(default.slow_after),
        }
    }
}

/// A time, or a part of the past restores.
fn slow_after(value: &Value<'_>) -> Option<SlowAfter> {
    const HELP: &str = "write \"2h\" for a time, or \"p95\" for longer than 95 % of the past restores";
    let text = value.string_or("a time or a part of the past restores", HELP)?;
    let found = SlowAfter::parse(text);
    if found.is_none() {
        value.refuse(format_args!("cannot be {}", quoted(text)), HELP);
    }
    found
}

/// Reads `until`.
pub(super) fn until(section: &mut Section<'_>) -> Option<Until> {
    section.take("until")?.choice()
}
