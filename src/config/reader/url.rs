//! Addresses to post to or to ping, which are often secrets.
//!
//! Invariant: an address that was refused is not repeated in full.

use std::path::Path;

use toml::de::DeValue;

use super::report::Span;
use super::section::Section;
use super::source;
use super::value::Value;
use crate::config::{UrlSource, WebhookUrl, private_host};
use crate::model::Placeholder;

const SECRET_URL: &str = "write the whole address, or url = { env = \"NAME\" }, { file = \"PATH\" } or \
                          { credential = \"NAME\" } to have the whole address read from there";

/// Whether plain `http` may leave this machine. If `allow_http` was refused, the address is judged
/// as if it had been `true`: one problem, not two.
pub(in crate::config) fn allow_http(section: &mut Section<'_>) -> bool {
    let is_there = section.has("allow_http");
    section.boolean("allow_http").unwrap_or(is_there)
}

/// The address; `blocked` is the place that forbids private ones.
pub(in crate::config) fn read(
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
