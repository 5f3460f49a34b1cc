//! `[http]`: the HTTP listener.
//!
//! Invariant: an address that other machines can reach is refused unless `allow_remote` is set.

use std::path::Path;

use toml::de::DeValue;

use super::section::Section;
use super::source;
use super::value::{Value, path_fault};
use crate::config::quote::quoted;
use crate::config::surprise::Surprise;
use crate::config::{HttpSettings, ListenAddress, ListenError, normal_host};

const LISTEN: &str = "write listen = \"127.0.0.1:9115\", or an array of addresses";

const HOSTS: &str = "write hosts = [\"monitor.example.com\"]";

/// Reads `http` of the top level. A relative path starts at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path) -> HttpSettings {
    let Some(mut section) = top.section("http") else { return HttpSettings::default() };

    // If it was refused, addresses are judged as if it had been `true`: one problem, not two.
    let is_there = section.has("allow_remote");
    let allow_remote = section.boolean("allow_remote").unwrap_or(is_there);
    let has_token = section.has("token");
    let token = section.take("token").and_then(|value| source::read(&value, base));
    let hosts = section.take("hosts").map(|value| hosts(&value)).unwrap_or_default();
    let listen = section.take("listen").map(|value| addresses(&value, allow_remote, has_token, base));

    section.finish();
    HttpSettings { listen: listen.unwrap_or_default(), allow_remote, token, hosts }
}

/// One address, or an array of them; what was refused is left out.
fn addresses(value: &Value<'_>, allow_remote: bool, has_token: bool, base: &Path) -> Vec<ListenAddress> {
    let entries = match value.inner {
        DeValue::Array(_) => value.array(LISTEN).unwrap_or_default(),
        _ => vec![value.clone()],
    };
    if entries.len() > HttpSettings::MOST {
        let fault =
            format_args!("has {} entries; at most {} are accepted", entries.len(), HttpSettings::MOST);
        value.refuse(fault, "keep the addresses that clients use");
    }

    let mut found = Vec::new();
    for entry in &entries {
        match address(entry, allow_remote, base) {
            Some(address) if found.iter().any(|known: &ListenAddress| known.is_same_place(&address)) => {
                entry.refuse("is there twice", "name each address once");
            }
            Some(address) => {
                if address.is_remote() && !has_token {
                    entry.report.warn(&entry.span, &Surprise::OpenToAll { address: &address.to_string() });
                }
                found.push(address);
            }
            None => {}
        }
    }
    found
}

fn address(value: &Value<'_>, allow_remote: bool, base: &Path) -> Option<ListenAddress> {
    let text = value.string_or("a string or an array", LISTEN)?;
    if let Some((fault, help)) = text.strip_prefix("unix:").and_then(path_fault) {
        value.refuse(fault, help);
        return None;
    }
    match ListenAddress::parse(text, base) {
        Ok(address) if address.is_remote() && !allow_remote => {
            value.refuse(
                format_args!("is {}, which other machines can reach", quoted(text)),
                "write a loopback address such as \"127.0.0.1:9115\", or set `allow_remote = true`, and a `token`",
            );
            None
        }
        Ok(address) => Some(address),
        Err(ListenError { fault, help }) => {
            value.refuse(fault, help);
            None
        }
    }
}

fn hosts(value: &Value<'_>) -> Vec<String> {
    let entries = value.array(HOSTS).unwrap_or_default();
    entries.iter().filter_map(|entry| host_name(entry, HOSTS)).collect()
}

/// A name or an IP address, as the `Host` header has it; `help` says what to write instead of
/// anything but a text.
pub(in crate::config) fn host_name(value: &Value<'_>, help: &str) -> Option<String> {
    let text = value.string_or("a string", help)?;
    let host = normal_host(text);
    let is_name = !host.is_empty()
        && host.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        });
    if is_name || host.parse::<std::net::IpAddr>().is_ok() {
        return Some(host);
    }
    let help = match text {
        _ if text.contains("://") || text.contains(':') || text.contains('/') => {
            "write the name alone, without a scheme, a port or a path"
        }
        _ if text.contains('*') => "write each name; there are no patterns",
        _ if !text.is_ascii() => "write it as it is sent, such as \"xn--bcher-kva.example\"",
        _ => "write the name alone, such as \"monitor.example.com\"",
    };
    value.refuse("is not the name of a host", help);
    None
}
