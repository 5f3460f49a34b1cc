//! `headers`, `bearer` and `basic`: what the requests of a webhook carry beside what their format
//! sets.
//!
//! Invariant: no secret is part of these settings; a value that is one is named by where it is read
//! from. There is at most one authorization.

use std::path::Path;

use toml::de::DeValue;

use super::Meaning;
use crate::config::keys::{Key, Kind, Table};
use crate::config::quote::{may_be_secret, quoted};
use crate::config::reader::{Finding, Section, Span, Value, source};
use crate::config::secret_words::is_name_of_secret;
use crate::config::{SecretSource, UrlSource, WebhookFormat};
use crate::model::Placeholder;

/// The most headers of a request.
const MOST: usize = 32;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 128;

/// The longest value, in bytes: servers accept 8 KiB, often for all headers together.
const LONGEST_VALUE: usize = 8 * 1024;

const FORMS: &str = "write headers = { X-Team = \"search\", X-Api-Key = { file = \"PATH\" } }";

const BASIC_FORMS: &str = "write basic = { user = \"NAME\", password = { file = \"PATH\" } }";

pub(super) const HEADERS: Key = Key::new(
    "headers",
    Kind::Headers { most: MOST },
    "Further headers of the requests by their names, each a text or, for a secret, where it is read from.",
)
.example("{ X-Team = \"search\", X-Api-Key = { file = \"ops-key\" } }");

pub(super) const BEARER: Key = Key::new(
    "bearer",
    Kind::Secret,
    "Where the token is read from that requests carry as `Authorization: Bearer …`. At most one of it, `basic` and a header \
     `Authorization`.",
)
.example("{ credential = \"ops-token\" }");

pub(super) const BASIC: Key = Key::new(
    "basic",
    Kind::InLine(&BASIC_KEYS),
    "The user name and the password that requests carry as `Authorization: Basic …`.",
)
.example("{ user = \"restores\", password = { file = \"ops-password\" } }")
.exclusive();

pub(in crate::config) static BASIC_KEYS: Table = Table {
    title: "`basic` of a webhook",
    place: None,
    about: "A user name and a password, in one line.",
    keys: &[
        Key::new("user", Kind::SecretPlace, "The user name.").required().example("\"restores\""),
        Key::new("password", Kind::Secret, "Where the password is read from.")
            .required()
            .example("{ file = \"ops-password\" }"),
    ],
};

/// The headers of requests, beside those of the format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderSettings {
    /// Those that the file names.
    pub named: Vec<Header>,
    /// What `Authorization` is made of, unless it is among those.
    pub authorization: Option<Authorization>,
}

/// A header with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: HeaderText,
}

/// Where the value of a header comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderText {
    /// In the configuration: it is no secret.
    Given(String),
    From(SecretSource),
}

/// How requests say who sends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// By a token (RFC 6750).
    Bearer(SecretSource),
    /// By a user name and a password (RFC 7617).
    Basic { user: String, password: SecretSource },
}

impl HeaderSettings {
    /// Reads the keys of a webhook of this format, whose address is `url` unless that was refused.
    pub(super) fn read(
        section: &mut Section<'_>,
        url: Option<&UrlSource>,
        format: WebhookFormat,
        base: &Path,
    ) -> Self {
        let mut places = Vec::new();
        if let Some(UrlSource::Given(url)) = url
            && url.has_credentials()
        {
            places.extend(section.span_of("url").map(|span| ("a user name or a password in `url`", span)));
        }
        let named = section.take("headers").map(|value| named(&value, format, base, &mut places));
        let bearer = section.take("bearer").map(|value| {
            places.push(("`bearer`", value.span.clone()));
            source::read(&value, base).map(Authorization::Bearer)
        });
        let basic = section.take("basic").map(|value| {
            places.push(("`basic`", value.span.clone()));
            basic(&value, base)
        });

        for (what, span) in places.iter().skip(1) {
            let finding = Finding::new(span, format!("{what} is a second authorization"));
            section.report.push(
                finding
                    .see(format!("the first is {}, on line", places[0].0), &places[0].1)
                    .help("keep one of them"),
            );
        }
        Self { named: named.unwrap_or_default(), authorization: bearer.or(basic).flatten() }
    }

    /// Where secrets among them are read from, and what each is.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&'static str, &SecretSource)> {
        let named = self.named.iter().filter_map(|header| match &header.value {
            HeaderText::From(source) => Some(("header", source)),
            HeaderText::Given(_) => None,
        });
        let authorization = self.authorization.as_ref().map(|authorization| match authorization {
            Authorization::Bearer(token) => ("bearer token", token),
            Authorization::Basic { password, .. } => ("password", password),
        });
        named.chain(authorization)
    }

    /// Adds a line about each.
    pub(super) fn add_to(&self, meaning: Meaning) -> Meaning {
        let meaning = self.named.iter().fold(meaning, |meaning, Header { name, value }| match value {
            HeaderText::Given(text) => meaning.with("header", format!("{name}: {text}")),
            HeaderText::From(source) => meaning.with("header", format!("{name} from {source}")),
        });
        match &self.authorization {
            None => meaning,
            Some(Authorization::Bearer(token)) => {
                meaning.with("header", format!("Authorization, the bearer token from {token}"))
            }
            Some(Authorization::Basic { user, password }) => meaning
                .with("header", format!("Authorization, as user {user} with the password from {password}")),
        }
    }
}

/// What keeps a text from being the value of a header (RFC 9110, section 5.5), and what to do about
/// it after `; `. It continues a sentence that names the header, and does not show the text.
pub fn header_fault(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("is empty; write the value, or remove the header"),
        _ if text.len() > LONGEST_VALUE => Some("is longer than 8 KiB; no server accepts that"),
        _ if text.contains(['\n', '\r']) => Some("has a line break in it; write one line"),
        _ if text.contains(|c: char| c.is_ascii_control() && c != '\t') => {
            Some("has a control character in it; write it without")
        }
        _ if !text.is_ascii() => Some(
            "has characters that are not ASCII; write them as the receiver decodes them, such as =?UTF-8?B?…? with base64 \
             (RFC 2047) or percent-encoded",
        ),
        _ if text.trim() != text => Some("begins or ends with a blank, which servers drop; remove it"),
        _ => None,
    }
}

/// The headers of a table; what was refused is left out. An authorization among them adds its place.
fn named(
    value: &Value<'_>,
    format: WebhookFormat,
    base: &Path,
    places: &mut Vec<(&'static str, Span)>,
) -> Vec<Header> {
    let Some(entries) = value.entries(FORMS) else { return Vec::new() };
    if entries.is_empty() {
        value.refuse("is empty", FORMS);
    }
    if entries.len() > MOST {
        value.refuse(
            format_args!("has {} entries; at most {MOST} are accepted", entries.len()),
            "remove those that the receiver does not need",
        );
    }

    let mut seen: Vec<(String, Span)> = Vec::new();
    let mut found = Vec::new();
    for (name, span, value) in entries {
        let lower = name.to_ascii_lowercase();
        let title = format!("the header {}", quoted(name));
        let finding = |fault: &str| Finding::new(&span, format!("{title} {fault}"));
        if let Some((fault, help)) = name_fault(name).or_else(|| reserved(&lower, format)) {
            value.report.push(finding(fault).help(help));
            continue;
        }
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == lower) {
            let finding = finding("is there twice: names of headers have no case");
            value.report.push(finding.see("the first is on line", first).help("keep one of them"));
            continue;
        }

        if lower == "authorization" {
            places.push(("the header `Authorization`", span.clone()));
        }
        seen.push((lower, span));
        let text = text(&Value { title, ..value }, name, base);
        found.extend(text.map(|value| Header { name: name.to_owned(), value }));
    }
    found
}

/// The value of the header of this name.
fn text(value: &Value<'_>, name: &str, base: &Path) -> Option<HeaderText> {
    let DeValue::String(text) = value.inner else {
        if !matches!(value.inner, DeValue::Table(_)) {
            value.mistyped("a string or a table", Some(FORMS.to_owned()));
            return None;
        }
        return source::read(value, base).map(HeaderText::From);
    };

    if let Some(placeholder) = Placeholder::find(text).filter(|found| found.is_unmistakable()) {
        value.refuse(
            format_args!("has a placeholder like {placeholder}, which is not replaced"),
            "write the value itself, or { env = \"NAME\" } to have it read from a variable",
        );
        return None;
    }
    if is_name_of_secret(name) || is_secret(text) {
        value.refuse("must not hold the secret itself", source::FORMS);
        return None;
    }
    if let Some((fault, help)) = header_fault(text).and_then(|fault| fault.split_once("; ")) {
        value.refuse(fault, help);
        return None;
    }
    Some(HeaderText::Given(text.to_string()))
}

fn basic(value: &Value<'_>, base: &Path) -> Option<Authorization> {
    let mut section = Section::of(value, &BASIC_KEYS, "a table", BASIC_FORMS)?;
    let report = section.report;
    for key in ["user", "password"].into_iter().filter(|key| section.lacks(key)) {
        report.push(Finding::new(&section.span, format!("`basic` without a `{key}`")).help(BASIC_FORMS));
    }
    let user = section.take("user").and_then(|value| user(&value));
    let password = section.take("password").and_then(|value| source::read(&value, base));
    section.finish();
    Some(Authorization::Basic { user: user?, password: password? })
}

/// A user name, in which no colon may be (RFC 7617, section 2).
fn user(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    let fault = match text {
        "" => "is empty",
        _ if text.contains(':') => "has a colon in it, which separates it from the password",
        _ if text.contains(char::is_control) => "has a control character in it",
        _ => return Some(text.to_owned()),
    };
    value.refuse(fault, "write the user name alone");
    None
}

/// Why this is no name of a header (RFC 9110, section 5.1), and what to do about it.
fn name_fault(name: &str) -> Option<(&'static str, &'static str)> {
    const SIGNS: &str = "!#$%&'*+-.^_`|~";

    match name {
        "" => Some(("has no name", FORMS)),
        _ if name.len() > LONGEST_NAME => Some(("has a name of more than 128 bytes", "write a shorter one")),
        _ if name.ends_with(':') => Some(("has a colon in its name", "write the name without it")),
        _ if name.chars().all(|c| c.is_ascii_alphanumeric() || SIGNS.contains(c)) => None,
        _ => Some((
            "has a character that no name of a header may have",
            "write letters, digits and hyphens, such as X-Team",
        )),
    }
}

/// Why the configuration has no say in a header, and what to do about it. `name` is in lower case.
fn reserved(name: &str, format: WebhookFormat) -> Option<(&'static str, &'static str)> {
    const REMOVE: &str = "remove it";

    match name {
        "host" => Some(("is the host of the `url`", "write the host there")),
        "content-type" if format == WebhookFormat::Template => {
            Some(("is set by the `format`", "for a `body`, write it as `content_type`; otherwise remove it"))
        }
        "content-type" => Some(("is set by the `format`", REMOVE)),
        "content-length" | "transfer-encoding" | "trailer" | "te" | "expect" => {
            Some(("says how the body is sent, which is decided for each request", REMOVE))
        }
        _ if name.starts_with("content-") => {
            Some(("describes the body, which is made by the `format`", REMOVE))
        }
        "connection" | "keep-alive" | "upgrade" | "http2-settings" => {
            Some(("is about the connection and not about the request", REMOVE))
        }
        "accept-encoding" => {
            Some(("would make the receiver compress its answers, which are read as they are", REMOVE))
        }
        _ if name.starts_with("proxy-") => Some((
            "is for a proxy, and would reach the receiver",
            "write the user name and the password into `proxy`",
        )),
        _ if name.starts_with("webhook-") => {
            Some(("is set for each delivery, as Standard Webhooks has it", REMOVE))
        }
        _ if format.headers().iter().any(|own| own.eq_ignore_ascii_case(name)) => {
            Some(("is set by the `format`, for each event", REMOVE))
        }
        _ => None,
    }
}

/// Whether a text has the form of a secret, under whatever name.
fn is_secret(text: &str) -> bool {
    let scheme = text.split_once(' ').map(|(scheme, _)| scheme.to_ascii_lowercase());
    may_be_secret(text) || matches!(scheme.as_deref(), Some("bearer" | "basic"))
}
