//! `format = "template"`: what a webhook sends is in the configuration.
//!
//! Invariant: a template that is accepted renders a sample of every type of event, and no secret
//! of the configuration is among its variables.

mod leaves;

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::DeValue;

use super::Surroundings;
use crate::config::keys::{Key, Kind, TEXT};
use crate::config::quote::quoted;
use crate::config::reader::{Finding, Section, Span, Value, source};
use crate::config::{SecretSource, WebhookFormat};
use crate::template::{Content, Node, Template};

use leaves::Leaves;

const FORMAT: &str = "format = \"template\"";

const PAYLOAD_HELP: &str = "payload = { text = \"{{ summary }}\" }";

const SECRETS_HELP: &str = "write secrets = { token = { credential = \"NAME\" } }";

/// The most bytes of a content type; real ones have less than a hundred.
const LONGEST_TYPE: usize = 200;

/// The most secrets of one template.
const MOST_SECRETS: usize = 10;

pub(super) const PAYLOAD: Key = Key::new(
    "payload",
    Kind::Tree,
    "With `format = \"template\"`, the body as a tree that becomes JSON. Its texts are templates.",
)
.example("{ text = \"{{ summary }}\" }")
.exclusive();

pub(super) const BODY: Key = Key::new(
    "body",
    Kind::Template,
    "With `format = \"template\"`, the body as one template, for what is not JSON; in place of `payload`.",
)
.example("\"{{ summary }}\"")
.exclusive();

pub(super) const CONTENT_TYPE: Key = Key::new(
    "content_type",
    TEXT,
    "The value of the header `Content-Type` with a `body`. Default: `text/plain; charset=utf-8`.",
)
.example("\"text/plain; charset=utf-8\"")
.exclusive();

pub(super) const SECRETS: Key = Key::new(
    "secrets",
    Kind::SecretsByName { most: MOST_SECRETS },
    "Secrets that belong into a `payload`: each stands in it as `\"{{ secret.NAME }}\"`, a whole value. It comes in when \
     a request is made, and is not kept with the event.",
)
.example("{ token = { credential = \"pushover-token\" } }")
.exclusive();

/// What a webhook with `format = "template"` sends.
#[derive(Debug, Clone)]
pub struct TemplateSettings {
    pub template: Template,
    /// The value of the header `Content-Type`.
    pub content_type: String,
    /// The secrets that the template names, each once.
    pub secrets: Vec<(String, SecretSource)>,
}

impl TemplateSettings {
    /// What messages call a secret of it.
    pub const SECRET: &str = "secret of the template";

    /// The default of `content_type`.
    pub fn usual_content_type(content: &Content) -> &'static str {
        match content {
            Content::Json(_) => "application/json",
            Content::Text(_) => "text/plain; charset=utf-8",
        }
    }
}

/// The keys of a template as they stand in a webhook.
struct Written<'a> {
    payload: Option<Value<'a>>,
    body: Option<Value<'a>>,
    content_type: Option<Value<'a>>,
    secrets: Option<Value<'a>>,
}

/// Reads the template of a webhook of this format, which is none if it was refused.
pub(super) fn read(
    section: &mut Section<'_>,
    format: Option<WebhookFormat>,
    surroundings: &Surroundings<'_>,
) -> Option<TemplateSettings> {
    let written = Written {
        payload: section.take("payload"),
        body: section.take("body"),
        content_type: section.take("content_type"),
        secrets: section.take("secrets"),
    };
    match format {
        Some(WebhookFormat::Template) => template(written, section, surroundings),
        Some(_) => {
            written.refuse_all();
            None
        }
        None => None,
    }
}

fn template(
    written: Written<'_>,
    section: &Section<'_>,
    surroundings: &Surroundings<'_>,
) -> Option<TemplateSettings> {
    let Written { payload, body, content_type, secrets } = written;
    let before = section.report.len();
    let secrets = secrets.and_then(|value| sources(&value, surroundings.base)).unwrap_or_default();
    let mut leaves = Leaves::new(surroundings, &secrets, section.report);

    let content = match (&payload, &body) {
        (Some(payload), None) => tree(payload, &mut leaves).map(Content::Json),
        (None, Some(body)) => text(body, &mut leaves),
        (Some(_), Some(body)) => {
            body.refuse(
                "stands beside `payload`",
                "keep one of them: `payload` becomes JSON, `body` is a text",
            );
            None
        }
        (None, None) => {
            if section.lacks("payload") && section.lacks("body") {
                let finding =
                    Finding::new(&section.span, format!("a webhook with {FORMAT}, and no `payload`"));
                section.report.push(finding.help(format!("add {PAYLOAD_HELP}")));
            }
            None
        }
    };

    let content_type = content_type.and_then(|value| media_type(&value, body.is_some()));
    let env = leaves.finish();
    if section.report.len() > before {
        return None;
    }
    let content = content?;
    let content_type = content_type.unwrap_or(TemplateSettings::usual_content_type(&content)).to_owned();
    Some(TemplateSettings {
        template: Template { content, env },
        content_type,
        secrets: secrets.into_iter().map(|secret| (secret.name, secret.source)).collect(),
    })
}

impl Written<'_> {
    /// Of another format, none has a meaning.
    fn refuse_all(&self) {
        let all = [&self.payload, &self.body, &self.content_type, &self.secrets];
        for value in all.into_iter().flatten() {
            value.refuse(format_args!("belongs to {FORMAT}"), format!("write {FORMAT}, or remove it"));
        }
    }
}

/// A secret that a template may name.
struct Secret {
    name: String,
    /// Where its name is.
    span: Span,
    source: SecretSource,
}

fn sources(value: &Value<'_>, base: &Path) -> Option<Vec<Secret>> {
    let entries = value.entries(SECRETS_HELP)?;
    match entries.len() {
        0 => value.refuse("is empty", SECRETS_HELP),
        count if count > MOST_SECRETS => {
            value.refuse(
                format_args!("has {count} entries; at most {MOST_SECRETS} are accepted"),
                SECRETS_HELP,
            );
        }
        _ => {}
    }

    let mut found = Vec::new();
    for (name, span, value) in entries {
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !is_name {
            let message = format!("{} cannot be the name of a secret in a template", quoted(name));
            value.report.push(Finding::new(&span, message).help("use letters, digits and `_`"));
        }
        let source = source::read(&value, base);
        found.extend(source.map(|source| Secret { name: name.to_owned(), span, source }));
    }
    Some(found)
}

/// A payload: a table or an array, and what is in it.
fn tree(value: &Value<'_>, leaves: &mut Leaves<'_>) -> Option<Node> {
    match value.inner {
        DeValue::Table(table) if table.is_empty() => {
            value.refuse("is empty", format!("write {PAYLOAD_HELP}"));
        }
        DeValue::Array(items) if items.is_empty() => {
            value.refuse("is empty", format!("write {PAYLOAD_HELP}"));
        }
        DeValue::Table(_) | DeValue::Array(_) => return node("", value, leaves),
        _ => value.mistyped("a table", Some(format!("write {PAYLOAD_HELP}, or `body` for a text"))),
    }
    None
}

/// What stands at this key, or in an array at it.
fn node(key: &str, value: &Value<'_>, leaves: &mut Leaves<'_>) -> Option<Node> {
    // Each one is read, so that all problems are reported.
    match value.inner {
        DeValue::Table(_) => {
            let mut entries = value.entries("")?;
            // In the order of the file, which some receivers show.
            entries.sort_by_key(|(_, span, _)| span.start);
            let nodes: Vec<_> = entries
                .iter()
                .map(|(key, _, value)| Some(((*key).to_owned(), node(key, value, leaves)?)))
                .collect();
            nodes.into_iter().collect::<Option<_>>().map(Node::Table)
        }
        DeValue::Array(_) => {
            let nodes: Vec<_> = value.array("")?.iter().map(|item| node(key, item, leaves)).collect();
            nodes.into_iter().collect::<Option<_>>().map(Node::Array)
        }
        DeValue::String(text) => leaves.node(key, value, text),
        DeValue::Boolean(value) => Some(Node::Constant((*value).into())),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
            constant(value, number.map(serde_json::Value::from))
        }
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            constant(value, number.map(serde_json::Value::from))
        }
        DeValue::Datetime(_) => {
            value.refuse("is a date, which JSON does not have", "write it in quotes, as a text");
            None
        }
    }
}

fn constant(value: &Value<'_>, number: Option<serde_json::Value>) -> Option<Node> {
    if number.is_none() {
        value.refuse("is no number that JSON has", "write another one, or a text in quotes");
    }
    number.map(Node::Constant)
}

fn text(value: &Value<'_>, leaves: &mut Leaves<'_>) -> Option<Content> {
    let text = value.string()?;
    if text.is_empty() {
        value.refuse("is empty", "write body = \"{{ summary }}\"");
        return None;
    }
    leaves.body(value, text).map(Content::Text)
}

/// The value of a header: nothing else can be put into the request with it.
fn media_type<'a>(value: &Value<'a>, has_body: bool) -> Option<&'a str> {
    let text = value.string()?;
    if !has_body {
        value.refuse("belongs to `body`", "remove it: a `payload` is sent as application/json");
        return None;
    }
    let is_type = text.len() <= LONGEST_TYPE
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && text.split_once('/').is_some_and(|(kind, rest)| {
            !kind.is_empty()
                && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b))
                && !rest.is_empty()
        })
        && text.trim() == text;
    if !is_type {
        value.refuse(
            format_args!("is {}, which is no content type", quoted(text)),
            "write one such as \"text/plain; charset=utf-8\"",
        );
    }
    is_type.then_some(text)
}

/// The environment variables that templates name.
type Env = BTreeMap<String, String>;
