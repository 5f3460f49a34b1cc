//! Messages that the configuration describes, for receivers that have no format of their own.
//!
//! Invariant: a body is rendered once, when the event is committed; secrets come in when a request
//! is made.

use std::borrow::Cow;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::Value;
use tracing::error;

use super::binding::{self, Binding};
use super::{Format, Read};
use crate::adapters::sinks::{SinkError, outline};
use crate::config::{TemplateSettings, WebhookSettings};
use crate::engine::retry::RetryAfter;
use crate::model::{Event, one_line};
use crate::template::{LeafFault, Rendered};

/// What chats take for each address without a refusal: Telegram one message a second in a chat
/// (core.telegram.org/bots/faq, "My bot is hitting limits"), Google Chat 60 a minute in a space
/// (developers.google.com/workspace/chat/limits, "Per-space quotas").
const SPACING: Duration = Duration::from_secs(1);

/// The longest reason why a text cannot be rendered, in characters.
const MAX_REASON: usize = 200;

#[derive(Debug)]
pub(super) struct Template {
    /// The name of the sink.
    sink: String,
    content: crate::template::Template,
    content_type: String,
    bindings: Vec<Binding>,
}

impl Template {
    /// The template of the sink `name`, whose secrets `read` reads.
    pub(super) fn new(name: &str, settings: &WebhookSettings, read: &Read<'_>) -> Result<Self, SinkError> {
        let settings = settings.template.as_ref();
        let settings = settings.unwrap_or_else(|| unreachable!("the reader refuses the format without one"));

        let mut bindings = Vec::new();
        for (secret_name, source) in &settings.secrets {
            let secret = read(source).map_err(|error| SinkError::Secret {
                name: name.to_owned(),
                what: TemplateSettings::SECRET,
                error,
            })?;
            bindings.push(Binding { name: secret_name.clone(), secret });
        }

        Ok(Self {
            sink: name.to_owned(),
            content: settings.template.clone(),
            content_type: settings.content_type.clone(),
            bindings,
        })
    }

    /// Says that a part of a body was replaced: the configuration was tried, so this is rare.
    fn log(&self, event: &Event, faults: &[LeafFault]) {
        let Some(first) = faults.first() else { return };
        error!(
            sink = self.sink,
            transition_id = %event.id,
            "sink {}: the template cannot be rendered for {}: {}: {}; {} replaced",
            self.sink,
            event.kind,
            if first.pointer.is_empty() { "body" } else { &first.pointer },
            one_line(&first.fault.message, MAX_REASON),
            if faults.len() == 1 { "it was".to_owned() } else { format!("{} values were", faults.len()) },
        );
    }
}

impl Format for Template {
    fn body(&self, event: &Event) -> Vec<u8> {
        let Rendered { body, faults } = self.content.render(event);
        self.log(event, &faults);
        body
    }

    fn recognizes(&self, committed: &[u8], event: &Event) -> bool {
        // Without a line in the log about what is replaced: the commit logged it.
        outline::is_alike(committed, &self.content.render(event).body)
    }

    fn bind<'a>(&self, committed: &'a [u8]) -> Cow<'a, [u8]> {
        binding::bind(committed, &self.bindings)
    }

    fn secrets(&self) -> Vec<&str> {
        self.bindings.iter().map(|binding| binding.secret.expose_secret()).collect()
    }

    fn content_type(&self) -> &str {
        &self.content_type
    }

    fn spacing(&self) -> Duration {
        SPACING
    }

    /// At the top, or in `parameters` as Telegram has it (core.telegram.org/bots/api,
    /// "`ResponseParameters`").
    fn retry_after(&self, answer: &[u8]) -> Option<RetryAfter> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        super::seconds_to_wait(&answer).or_else(|| super::seconds_to_wait(answer.get("parameters")?))
    }
}

#[cfg(test)]
pub(super) mod tests;
