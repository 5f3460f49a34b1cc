//! `[api]`, `[cadence]` and `[watch]`: once for all projects, and again in any project that
//! differs.
//!
//! Invariant: a value is checked where it is written; what depends on two of them is checked for
//! every project, with the values that hold there.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::Path;

use super::report::{Finding, Report, Span};
use super::section::Section;
use super::value::Value;
use crate::config::environment::{self, Variables};
use crate::config::quote::quoted;
use crate::config::{ApiSettings, CadenceSettings, Endpoint, EndpointError, SlowAfter, WatchSettings};
use crate::model::duration;

/// The environment variable that replaces the default endpoint, as it does for the official
/// clients.
const HOST: &str = "PINECONE_CONTROLLER_HOST";

/// What holds at one level of the file: what it says itself, over what the level above says, over
/// the defaults.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers<'a> {
    api: Api<'a>,
    cadence: Cadence,
    watch: WatchSettings,
}

#[derive(Debug, Clone, Default)]
struct Api<'a> {
    /// All but the endpoint, which cannot be judged before it is known whether plain `http` is
    /// allowed.
    settings: ApiSettings,
    endpoint: Option<(&'a str, Span)>,
    allow_http: bool,
    /// One of these two was refused, so that the endpoint cannot be judged.
    is_refused: bool,
}

#[derive(Debug, Clone, Default)]
struct Cadence {
    settings: CadenceSettings,
    min: Option<Origin>,
    max: Option<Origin>,
    /// One of the bounds was refused, so that they cannot be compared.
    is_refused: bool,
}

/// Where a value that holds was written.
#[derive(Debug, Clone)]
struct Origin {
    span: Span,
    /// At this level, and not at the one above.
    is_own: bool,
}

/// The settings of one project.
pub(super) struct Resolved {
    pub(super) api: ApiSettings,
    pub(super) cadence: CadenceSettings,
    pub(super) watch: WatchSettings,
}

impl<'a> Layers<'a> {
    /// What `section` says in `api`, `cadence` and `watch`, over what `self` says. Relative paths
    /// start at `base`.
    pub(super) fn with(&self, section: &mut Section<'a>, base: &Path) -> Self {
        let mut layers = self.clone();
        if let Some(api) = section.section("api") {
            layers.api.read(api, base);
        }
        let cadence = section.section("cadence");
        layers.cadence.read(cadence);
        if let Some(watch) = section.section("watch") {
            layers.watch = read_watch(watch, self.watch);
        }
        layers
    }

    /// Reports an endpoint that no project could use, whether one does or not.
    pub(super) fn check(&self, report: &Report) {
        if let Some((text, span)) = &self.api.endpoint {
            endpoint(text, span, true, report);
        }
    }

    /// The settings of a project in which this holds; nothing if they do not fit together.
    pub(super) fn resolve(self, variables: &Variables<'_>, report: &Report) -> Option<Resolved> {
        let api = self.api.resolve(variables, report);
        let cadence = self.cadence.resolve(report);
        Some(Resolved { api: api?, cadence: cadence?, watch: self.watch })
    }
}

impl<'a> Api<'a> {
    fn read(&mut self, mut section: Section<'a>, base: &Path) {
        let before = section.report.len();
        if let Some(value) = section.take("endpoint") {
            self.endpoint = value.string().map(|text| (text, value.span)).or(self.endpoint.take());
        }
        self.allow_http = section.boolean("allow_http").unwrap_or(self.allow_http);
        self.is_refused |= section.report.len() > before;

        let settings = &mut self.settings;
        if let Some(version) = section.take("version").and_then(|value| version(&value)) {
            settings.version = version;
        }
        let rate = section.rate("requests_per_second");
        settings.requests_per_second = rate.unwrap_or(settings.requests_per_second);
        settings.burst = section.integer("burst").and_then(NonZeroU32::new).unwrap_or(settings.burst);
        settings.request_timeout = section.duration("request_timeout").unwrap_or(settings.request_timeout);
        settings.ca_file = section.path("ca_file", base).or(settings.ca_file.take());
        section.finish();
    }

    fn resolve(self, variables: &Variables<'_>, report: &Report) -> Option<ApiSettings> {
        let endpoint = match self.endpoint {
            _ if self.is_refused => None,
            Some((text, span)) => endpoint(text, &span, self.allow_http, report),
            None => match environment::non_empty(variables, HOST) {
                Some(host) => endpoint_of_environment(host, self.allow_http, report),
                None => Some(self.settings.endpoint),
            },
        };
        Some(ApiSettings { endpoint: endpoint?, ..self.settings })
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
    Endpoint::of_environment(&host, allow_http)
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
    /// Reads what this level says, if anything; what was read before is of the level above.
    fn read(&mut self, section: Option<Section<'_>>) {
        for origin in [&mut self.min, &mut self.max].into_iter().flatten() {
            origin.is_own = false;
        }
        let Some(mut section) = section else { return };
        let settings = &mut self.settings;

        let before = section.report.len();
        let bounds = [
            ("min_interval", &mut settings.min_interval, &mut self.min),
            ("max_interval", &mut settings.max_interval, &mut self.max),
        ];
        for (key, interval, origin) in bounds {
            if let Some(value) = section.duration(key) {
                *interval = value;
                *origin = section.span_of(key).map(|span| Origin { span, is_own: true });
            }
        }
        self.is_refused |= section.report.len() > before;

        settings.effort = section.choice("effort").unwrap_or(settings.effort);
        settings.expect = section.duration("expect").or(settings.expect);
        section.finish();
    }

    fn resolve(&self, report: &Report) -> Option<CadenceSettings> {
        let settings = self.settings;
        if self.is_refused {
            return None;
        }
        if settings.min_interval <= settings.max_interval {
            return Some(settings);
        }

        let show = |value, origin: &Option<Origin>| {
            let by_default = if origin.is_none() { ", the default" } else { "" };
            format!("({}{by_default})", duration::written(value))
        };
        let message = format!(
            "`min_interval` {} is longer than `max_interval` {}",
            show(settings.min_interval, &self.min),
            show(settings.max_interval, &self.max),
        );

        // The one that is nearer to the project is the one that does not fit; of two, that is the
        // last.
        let written = [&self.min, &self.max].into_iter().flatten();
        if let Some(culprit) = written.max_by_key(|origin| origin.is_own) {
            let finding = Finding::new(&culprit.span, message);
            report.push(finding.help("lower `min_interval` or raise `max_interval`"));
        }
        None
    }
}

/// What a `watch` says, over `above`.
fn read_watch(mut section: Section<'_>, above: WatchSettings) -> WatchSettings {
    let watch = WatchSettings {
        not_found_grace: section.duration("not_found_grace").unwrap_or(above.not_found_grace),
        unauthorized_grace: section.duration("unauthorized_grace").unwrap_or(above.unauthorized_grace),
        unreachable_after: section.duration("unreachable_after").unwrap_or(above.unreachable_after),
        until: section.choice("until").unwrap_or(above.until),
        slow_after: section.take("slow_after").and_then(|value| slow_after(&value)).or(above.slow_after),
    };
    section.finish();
    watch
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
