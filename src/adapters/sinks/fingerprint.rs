//! Identifies the settings of a sink, to notice that they changed.
//!
//! Invariant: what has no say in whether a receiver takes deliveries changes no fingerprint: where
//! secrets and certificates are read from, on which machine that is, which release of the program
//! reads them, and its defaults.

mod canonical;
mod former;
#[cfg(test)]
mod tests;

use std::time::Duration;

use lettre::message::Mailbox;

use super::Receiver;
use crate::config::{
    DesktopSettings, EmailLogin, EmailSettings, EmailTls, EventFilter, ExecSettings, LogSettings,
    ProxySource, Route, SinkSettings, SinkTarget, TemplateSettings, TransportSettings, WebhookSettings,
};
use crate::model::Keyword as _;
use crate::template::{Content, Node, Template};

pub(super) use canonical::Canonical;
pub(super) use former::of as former;

/// Identifies these settings, with what the receiver that was made of them read elsewhere.
pub(super) fn of(settings: &SinkSettings, receiver: &dyn Receiver) -> u64 {
    let mut canonical = Canonical::new();
    put_settings(settings, &mut canonical);
    receiver.put_read(&mut canonical);
    canonical.finish()
}

// Each type is taken apart without `..`, so that a new key is thought of. A key with a default is
// put unless it has that. Of a source of a secret or a path of a certificate, nothing is put: what
// was read there is.

fn put_settings(settings: &SinkSettings, canonical: &mut Canonical) {
    // The name is that of the record. Hours and restores say only when and of what deliveries are.
    let SinkSettings { name: _, route, hours: _, target } = settings;
    let Route { events, projects: _, indexes: _, exclude_indexes: _, names: _ } = route;

    canonical.put("type", [target.kind().as_str()]);
    if *events != target.settings().usual_events() {
        canonical.put("events", patterns(events));
    }
    match target {
        SinkTarget::Log(log) => put_log(log, canonical),
        SinkTarget::Desktop(DesktopSettings {}) => {}
        SinkTarget::Webhook(webhook) => put_webhook(webhook, canonical),
        SinkTarget::Exec(exec) => put_exec(exec, canonical),
        SinkTarget::Email(email) => put_email(email, canonical),
    }
}

/// Types of event as a file names them, in a fixed order. A release that adds a type changes what
/// `restore_job.*` matches, and not this.
fn patterns(events: &EventFilter) -> Vec<String> {
    let mut patterns = events.shortest_patterns();
    patterns.sort_unstable();
    patterns
}

fn put_log(settings: &LogSettings, canonical: &mut Canonical) {
    let LogSettings { format, levels } = settings;
    let usual = LogSettings::default();

    canonical.put_unless_usual("format", &[format.as_str()], &[usual.format.as_str()]);
    let levels = levels.iter().map(|(kind, level)| format!("{} = {}", kind.as_str(), level.as_str()));
    canonical.put("levels", levels);
}

fn put_webhook(settings: &WebhookSettings, canonical: &mut Canonical) {
    let WebhookSettings {
        url,
        allow_http,
        block_private,
        format,
        routing_key: _,
        signing_secrets: _,
        // As requests carry them: `Webhook` puts them.
        headers: _,
        transport: TransportSettings { ca_file: _, client_cert: _, proxy },
        retry_schedule,
        template,
    } = settings;
    let usual = WebhookSettings::new(url.clone());

    canonical.put_unless_usual("allow_http", &[word(*allow_http)], &[word(usual.allow_http)]);
    canonical.put_unless_usual("block_private", &[word(*block_private)], &[word(usual.block_private)]);
    canonical.put_unless_usual("format", &[format.as_str()], &[usual.format.as_str()]);
    match proxy {
        // Its address is read, wherever it is written: `Transport` puts it.
        None | Some(ProxySource::Given(_) | ProxySource::From(_)) => {}
        Some(ProxySource::None) => canonical.put("proxy", ["none"]),
    }
    put_schedule(retry_schedule, &usual.retry_schedule, canonical);
    if let Some(template) = template {
        put_template(template, canonical);
    }
}

fn put_template(settings: &TemplateSettings, canonical: &mut Canonical) {
    let TemplateSettings { template: Template { content, env }, content_type, secrets } = settings;

    match content {
        Content::Json(node) => put_node(node, "payload", canonical),
        Content::Text(leaf) => canonical.put("body", [leaf.source()]),
    }
    let usual = TemplateSettings::usual_content_type(content);
    canonical.put_unless_usual("content_type", &[content_type.as_str()], &[usual]);
    canonical.put("secrets", secrets.iter().map(|(name, _)| name));
    for (name, value) in env {
        canonical.put("env", [name, value]);
    }
}

/// Puts each value of a tree with its place.
fn put_node(node: &Node, place: &str, canonical: &mut Canonical) {
    match node {
        Node::Constant(value) => canonical.put(place, ["constant", &value.to_string()]),
        Node::Text(leaf) => canonical.put(place, ["text", leaf.source()]),
        Node::Secret(name) => canonical.put(place, ["secret", name]),
        Node::Array(items) => {
            canonical.put(place, ["array", &items.len().to_string()]);
            for item in items {
                put_node(item, "item", canonical);
            }
        }
        Node::Table(entries) => {
            canonical.put(place, ["table", &entries.len().to_string()]);
            for (key, entry) in entries {
                put_node(entry, key, canonical);
            }
        }
    }
}

fn put_exec(settings: &ExecSettings, canonical: &mut Canonical) {
    let ExecSettings { program, arguments, timeout, retry, retry_schedule } = settings;
    let usual = ExecSettings::new(program, Vec::new());

    canonical.put("program", [program.as_os_str().as_encoded_bytes()]);
    canonical.put("arguments", arguments);
    canonical.put_unless_usual("timeout", &times(&[*timeout]), &times(&[usual.timeout]));
    canonical.put_unless_usual("retry", &[word(*retry)], &[word(usual.retry)]);
    put_schedule(retry_schedule, &usual.retry_schedule, canonical);
}

fn put_email(settings: &EmailSettings, canonical: &mut Canonical) {
    let EmailSettings { host, port, tls, ca_file: _, login, from, to, retry_schedule } = settings;
    let usual = EmailSettings::new(host, *tls, from.clone(), Vec::new());

    canonical.put("host", [host]);
    canonical.put_unless_usual("port", &[port.to_string()], &[usual.port.to_string()]);
    canonical.put_unless_usual("tls", &[tls.as_str()], &[EmailTls::default().as_str()]);
    if let Some(EmailLogin { username, password: _ }) = login {
        canonical.put("username", [username]);
    }
    put_mailbox("from", from, canonical);
    for to in to {
        put_mailbox("to", to, canonical);
    }
    put_schedule(retry_schedule, &usual.retry_schedule, canonical);
}

fn put_mailbox(name: &str, mailbox: &Mailbox, canonical: &mut Canonical) {
    let of_person = mailbox.name.as_deref();
    canonical.put(name, [mailbox.email.as_ref()].into_iter().chain(of_person));
}

fn put_schedule(schedule: &[Duration], usual: &[Duration], canonical: &mut Canonical) {
    canonical.put_unless_usual("retry_schedule", &times(schedule), &times(usual));
}

/// In nanoseconds.
fn times(times: &[Duration]) -> Vec<String> {
    times.iter().map(|time| time.as_nanos().to_string()).collect()
}

fn word(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}
