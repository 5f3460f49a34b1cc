//! The texts of a template: each compiled, and tried with a sample of every type of event.
//!
//! Invariant: of one text, the first problem that explains the others is reported, at its place in
//! the file if the text stands there as it is, and at the whole text otherwise.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Env, Secret};
use crate::config::environment;
use crate::config::masks::{expressions, literals};
use crate::config::quote::{printable, quoted};
use crate::config::reader::{Finding, Report, Span, Value};
use crate::config::secret_words::{has_token, is_name_of_secret};
use crate::config::sinks::Surroundings;
use crate::config::typo::nearest;
use crate::model::{Event, EventKind};
use crate::template::{Fault, Leaf, MAX_BODY, Node, Variables};

/// The most types of event that a message names.
const MOST_NAMED: usize = 3;

const SECRETS: &str =
    "write it as \"{{ secret.NAME }}\", as a whole value of `payload`, and the source in `secrets`";

const ENVIRONMENT: &str = "the daemon reads it when it starts: set it in its environment (in a systemd unit with Environment=), \
                           and for this command";

/// The shortest text after the name of a secret in a `body` that is taken for the secret.
const SHORTEST_SECRET: usize = 6;

/// The texts of one template while they are read.
pub(super) struct Leaves<'a> {
    surroundings: &'a Surroundings<'a>,
    secrets: &'a [Secret],
    report: &'a Report,
    known: Vec<String>,
    used_secrets: BTreeSet<String>,
    env: Env,
    /// The texts that are to be tried: how messages call each, and where it stands.
    trials: Vec<(String, Span, Leaf)>,
}

impl<'a> Leaves<'a> {
    pub(super) fn new(surroundings: &'a Surroundings<'a>, secrets: &'a [Secret], report: &'a Report) -> Self {
        Self {
            surroundings,
            secrets,
            report,
            known: Variables::names(),
            used_secrets: BTreeSet::new(),
            env: Env::new(),
            trials: Vec::new(),
        }
    }

    /// The text of a payload at this key, which may name a secret.
    pub(super) fn node(&mut self, key: &str, value: &Value<'_>, text: &str) -> Option<Node> {
        if is_secret_at(key, text) {
            value.refuse("must not hold the secret itself", SECRETS);
            return None;
        }
        let parsed = Leaf::parse(text).ok();
        let Some(name) = parsed.as_ref().and_then(|leaf| leaf.entry_of(Variables::SECRETS)) else {
            return self.leaf(value, text).map(Node::Text);
        };

        if self.secrets.iter().any(|secret| secret.name == name) {
            self.used_secrets.insert(name.to_owned());
            return Some(Node::Secret(name.to_owned()));
        }
        let near = nearest(name, self.secrets.iter().map(|secret| secret.name.as_str()));
        let help = near.map_or_else(
            || format!("add secrets = {{ {name} = {{ credential = \"NAME\" }} }}"),
            |near| format!("did you mean `secret.{near}`?"),
        );
        value.refuse(format_args!("names a secret {} that `secrets` does not have", quoted(name)), help);
        None
    }

    /// The text of a `body`, in which no secret can be.
    pub(super) fn body(&mut self, value: &Value<'_>, text: &str) -> Option<Leaf> {
        if holds_secret(text) {
            let help = "put it into `headers`, `bearer` or `basic`; or write a `payload`, in which \
                        \"{{ secret.NAME }}\" is a whole value, with the source in `secrets`";
            value.refuse("must not hold the secret itself", help);
            return None;
        }
        self.leaf(value, text)
    }

    /// A text that is a template.
    pub(super) fn leaf(&mut self, value: &Value<'_>, text: &str) -> Option<Leaf> {
        if text.contains('\0') {
            value.refuse("has a NUL character in it", "remove it");
            return None;
        }
        let leaf = match Leaf::parse(text) {
            Ok(leaf) => leaf,
            Err(fault) => {
                let at = self.place(&value.span, text, fault.range);
                let message = format!("{} is no valid template: {}", value.title, shown(&fault.message));
                self.report.push(Finding::new(&at, message));
                return None;
            }
        };

        let mut is_good = true;
        for name in leaf.variables() {
            is_good &= self.variable(&name, value, text);
        }
        if !is_good {
            return None;
        }
        self.trials.push((value.title.clone(), value.span.clone(), leaf.clone()));
        Some(leaf)
    }

    /// Whether a template may name this variable.
    fn variable(&mut self, name: &str, value: &Value<'_>, text: &str) -> bool {
        let (table, entry) = name.split_once('.').map_or((name, None), |(table, entry)| (table, Some(entry)));
        let entry = entry.map(|entry| entry.split('.').next().unwrap_or(entry));
        let at = place_of(name, text);
        let span = self.place(&value.span, text, at);
        let report = self.report;
        let refuse = |fault: String, help: String| {
            report.push(Finding::new(&span, format!("{} {fault}", value.title)).help(help));
            false
        };

        match (table, entry) {
            (Variables::SECRETS, _) => refuse("has a secret within a text".to_owned(), SECRETS.to_owned()),
            (Variables::ENVIRONMENT, None) => refuse(
                "uses `env` without the name of a variable".to_owned(),
                "write env.NAME: only variables that are named so are read".to_owned(),
            ),
            (Variables::ENVIRONMENT, Some(entry)) => self.environment_variable(entry).map_or_else(
                |(fault, help)| refuse(fault, help),
                |text| {
                    self.env.insert(entry.to_owned(), text);
                    true
                },
            ),
            _ if self.is_known(table, entry) => true,
            _ => {
                let near = nearest(name, self.known.iter().map(String::as_str));
                let help = near.map_or_else(
                    || "the variables are those of `restore-watch schema transition`, and `summary`, `heading`, `severity`, \
                        `advice` and `env.NAME`"
                        .to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                refuse(format!("names an unknown variable {}", quoted(name)), help)
            }
        }
    }

    /// The value of an environment variable, or why a template may not have it.
    fn environment_variable(&self, name: &str) -> Result<String, (String, String)> {
        if self.surroundings.holds_secret(name) {
            let fault = format!("names the environment variable {}, which holds a secret", quoted(name));
            return Err((fault, format!("what a template makes is kept in the state; {SECRETS}")));
        }
        let value = environment::non_empty(self.surroundings.environment, name);
        let Some(text) = value.and_then(|value| value.into_string().ok()) else {
            let fault = format!("names the environment variable {}, which is not set", quoted(name));
            return Err((fault, ENVIRONMENT.to_owned()));
        };
        if has_token(&text) {
            let fault =
                format!("names the environment variable {}, whose text looks like a secret", quoted(name));
            return Err((fault, format!("what a template makes is kept in the state; {SECRETS}")));
        }
        Ok(text)
    }

    fn is_known(&self, table: &str, entry: Option<&str>) -> bool {
        let has = |name: &str| self.known.iter().any(|known| known == name);
        let has_entries = || self.known.iter().any(|known| known.starts_with(&format!("{table}.")));
        match entry {
            Some(entry) if has_entries() => has(&format!("{table}.{entry}")),
            _ => has(table),
        }
    }

    /// Tries all texts. Returns the environment variables that they name.
    pub(super) fn finish(self) -> Env {
        for secret in self.secrets.iter().filter(|secret| !self.used_secrets.contains(&secret.name)) {
            let message = format!("the secret {} is used nowhere", quoted(&secret.name));
            let help =
                format!("write \"{{{{ secret.{} }}}}\" as a value of `payload`, or remove it", secret.name);
            self.report.push(Finding::new(&secret.span, message).help(help));
        }

        for (title, span, leaf) in &self.trials {
            if let Some((fault, kinds)) = failure(leaf, &self.env) {
                let at = self.place(span, leaf.source(), fault.range);
                let message =
                    format!("{title} cannot be rendered for {}: {}", named(&kinds), shown(&fault.message));
                let finding = Finding::new(&at, message);
                let lacks_job =
                    kinds.iter().all(|kind| Event::samples(*kind).iter().all(|event| event.job.is_none()));
                self.report.push(if lacks_job {
                    finding.help("these events have no `job`; write {{ job.id if job else \"-\" }}")
                } else {
                    finding
                });
            }
        }
        self.env
    }

    /// The stretch of the file for one of a text that stands at `span`: its own if the text stands
    /// there as it is, without escapes.
    fn place(&self, span: &Span, text: &str, range: Option<Range<usize>>) -> Span {
        let exact = range.and_then(|range| {
            let written = self.surroundings.text.get(span.clone())?;
            let quotes =
                ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| written.starts_with(quotes))?;
            let mut begin = quotes.len();
            // A line break right behind the quotes is no part of the text.
            let rest = written.get(begin..)?;
            if quotes.len() == 3 {
                begin += ["\r\n", "\n"].into_iter().find(|end| rest.starts_with(end)).map_or(0, str::len);
            }
            (written.get(begin..written.len() - quotes.len())? == text).then_some(())?;
            Some(span.start + begin + range.start..span.start + begin + range.end)
        });
        exact.filter(|exact| !exact.is_empty()).unwrap_or_else(|| span.clone())
    }
}

/// Why a text cannot be rendered, and for which types of event.
fn failure(leaf: &Leaf, env: &Env) -> Option<(Fault, Vec<EventKind>)> {
    let mut found: Option<(Fault, Vec<EventKind>)> = None;
    for kind in EventKind::ALL_AND_TEST {
        let faults = Event::samples(*kind)
            .into_iter()
            .filter_map(|event| leaf.render(&Variables::of(&event, env), &mut MAX_BODY.clone()).err());
        if let Some(fault) = faults.last() {
            found.get_or_insert_with(|| (fault, Vec::new())).1.push(*kind);
        }
    }
    found
}

/// Whether a text of a payload is a secret: by its own form, or, without an expression, by its key.
fn is_secret_at(key: &str, text: &str) -> bool {
    // The short `key` of many receivers is no secret, such as that of a project of an issue tracker.
    let is_short_key = key.eq_ignore_ascii_case("key") && text.len() < 16;
    let is_constant = expressions(text).is_empty() && !text.is_empty();
    has_token(text) || is_constant && !is_short_key && is_name_of_secret(key)
}

/// Whether a secret stands in a `body` as it is: by its own form, or as `NAME=…` or `"NAME": "…"`.
fn holds_secret(text: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_secret = |stretch: &str| {
        stretch.match_indices(['=', ':']).any(|(at, sign)| {
            let before = stretch[..at].trim_end();
            let name = before.trim_end_matches(['"', '\'']);
            // Prose has colons as well.
            if sign == ":" && name.len() == before.len() {
                return false;
            }
            let start = name.rfind(|c| !is_of_name(c)).map_or(0, |at| at + 1);
            let after = stretch[at + 1..].trim_start().trim_start_matches(['"', '\'']);
            let end = after.find(|c: char| c.is_whitespace() || "&;,\"'}".contains(c)).unwrap_or(after.len());
            end >= SHORTEST_SECRET && name.get(start..).is_some_and(is_name_of_secret)
        })
    };
    has_token(text) || literals(text).into_iter().any(|range| text.get(range).is_some_and(is_secret))
}

/// Where an expression of a template names this variable first.
fn place_of(name: &str, text: &str) -> Option<Range<usize>> {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    expressions(text).into_iter().find_map(|range| {
        let expression = text.get(range.clone())?;
        let found = expression.match_indices(name).map(|(at, _)| at).find(|at| {
            !expression[..*at].ends_with(goes_on)
                && !expression[at + name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })?;
        Some(range.start + found..range.start + found + name.len())
    })
}

/// The first of these types, and how many more there are.
fn named(kinds: &[EventKind]) -> String {
    if kinds.len() == EventKind::ALL_AND_TEST.len() {
        return "any event".to_owned();
    }
    let names: Vec<_> = kinds.iter().take(MOST_NAMED).map(|kind| kind.as_str()).collect();
    match kinds.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", names.join(", ")),
        None => names.join(", "),
    }
}

/// What the engine of the templates says, without what would move the cursor.
fn shown(message: &str) -> String {
    if crate::config::quote::may_be_secret(message) {
        return "***".to_owned();
    }
    message.chars().take(200).map(printable).collect()
}
