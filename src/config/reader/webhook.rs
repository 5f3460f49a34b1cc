//! What only a webhook has: its address, what its body looks like, how it is signed and tried
//! again.
//!
//! Invariant: what is refused here is reported once; if one value spoils the judgement of another,
//! the other is spared.

use std::path::Path;
use std::time::Duration;

use toml::de::DeValue;

use super::report::{Finding, Span};
use super::section::Section;
use super::source;
use super::value::Value;
use crate::config::keys::Key;
use crate::config::{SecretSource, UrlSource, WebhookSettings, WebhookUrl, private_host};
use crate::model::Placeholder;

const SECRET_URL: &str = "write the whole address, or url = { env = \"NAME\" }, { file = \"PATH\" } or \
                          { credential = \"NAME\" } to have the whole address read from there";

const RETRIES: &str =
    "write retry_schedule = [\"5s\", \"5m\", \"30m\"], with 1 to 50 durations, or remove it";

/// Reads the rest of a webhook's table, and finishes it. Name and events are left as
/// [`WebhookSettings::new`] has them.
pub(super) fn read(mut section: Section<'_>, base: &Path) -> Option<WebhookSettings> {
    let lenient = allow_http(&mut section);
    let block_private = section.boolean("block_private").unwrap_or(false);
    let blocked = section.span_of("block_private").filter(|_| block_private);

    if section.lacks("url") {
        let help = "add url = \"https://…\", or url = { env = \"NAME\" } if the address is a secret";
        section.report.push(Finding::new(&section.span, "a webhook without a url").help(help));
    }
    let url = section.take("url").and_then(|value| url(&value, lenient, blocked.as_ref(), base));

    let format = section.choice("format");
    let most = section.declaration("signing_secret").most();
    let signing_secrets = section.take("signing_secret").map(|value| signing_secrets(&value, most, base));
    let declared = section.declaration("retry_schedule");
    let retry_schedule = section.take("retry_schedule").and_then(|value| retry_schedule(&value, declared));

    section.finish();
    let webhook = WebhookSettings::new(url?);

    Some(WebhookSettings {
        allow_http: lenient,
        block_private,
        format: format.unwrap_or_default(),
        signing_secrets: signing_secrets.unwrap_or_default(),
        retry_schedule: retry_schedule.unwrap_or(webhook.retry_schedule),
        ..webhook
    })
}

/// Whether plain `http` may leave this machine. If `allow_http` was refused, the address is judged
/// as if it had been `true`: one problem, not two.
pub(super) fn allow_http(section: &mut Section<'_>) -> bool {
    let is_there = section.has("allow_http");
    section.boolean("allow_http").unwrap_or(is_there)
}

/// The address; `blocked` is the place that forbids private ones.
pub(super) fn url(
    value: &Value<'_>,
    allow_http: bool,
    blocked: Option<&Span>,
    base: &Path,
) -> Option<UrlSource> {
    match value.inner {
        DeValue::String(text) => {
            let url = WebhookUrl::parse(text, allow_http).map_err(|error| {
                let (fault, help) =
                    error.split_once("; ").unwrap_or((&error, "write it like \"https://example.com/hook\""));
                // Only a configuration file has these ways out.
                value.refuse(
                    fault,
                    match fault {
                        _ if Placeholder::find(text).is_some() => SECRET_URL,
                        _ if fault.contains("plain http") => "use https, or set `allow_http = true`",
                        _ => help,
                    },
                );
            });
            let url = url.ok()?;
            if let Some((address, span)) = private_host(url.expose()).zip(blocked) {
                let fault = value.fault(format_args!("leads to the private address {address}"));
                let help = "give a public address, or remove `block_private`";
                value.report.push(fault.see("`block_private` is set on line", span).help(help));
                return None;
            }
            Some(UrlSource::Given(url))
        }
        DeValue::Table(_) => source::read(value, base).map(UrlSource::From),
        _ => {
            let help = "write \"https://…\", or { env = \"NAME\" } if the address is a secret";
            // Reports the type that was found.
            value.string_or("a string or a table", help).and(None)
        }
    }
}

/// One source, or an array of them; what was refused is left out.
fn signing_secrets(value: &Value<'_>, most: usize, base: &Path) -> Vec<SecretSource> {
    let DeValue::Array(_) = value.inner else {
        return source::read(value, base).into_iter().collect();
    };

    let entries = value.array(source::FORMS).unwrap_or_default();
    match entries.len() {
        0 => value.refuse("is empty", source::FORMS),
        count if count > most => value.refuse(
            format_args!("has {count} entries; at most {most} are accepted"),
            "keep the secrets that the receiver still knows",
        ),
        _ => {}
    }

    let mut found = Vec::new();
    for entry in &entries {
        match source::read(entry, base) {
            Some(secret) if found.contains(&secret) => {
                entry.refuse("is there twice", "name each secret once");
            }
            secret => found.extend(secret),
        }
    }
    found
}

fn retry_schedule(value: &Value<'_>, declared: &Key) -> Option<Vec<Duration>> {
    let entries = value.array(RETRIES)?;
    match entries.len() {
        0 => value.refuse("is empty", RETRIES),
        count if count > declared.most() => value.refuse(format_args!("has {count} entries"), RETRIES),
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
