//! `events`: which types of event a sink gets.

use crate::config::WebhookFormat;
use crate::config::quote::quoted;
use crate::config::reader::{Finding, Report, Span, Value};
use crate::config::typo::nearest;
use crate::model::EventKind;

const HELP: &str = "write events = [\"restore_job.*\"]";

/// Which types of event a sink wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter(Vec<EventKind>);

impl EventFilter {
    pub fn all() -> Self {
        Self(EventKind::ALL.to_vec())
    }

    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The default of sinks for people: ends, trouble, and the end of trouble.
    pub fn for_people() -> Self {
        Self(EventKind::ALL.iter().copied().filter(|kind| kind.is_for_people()).collect())
    }

    /// The default of a webhook of this format.
    pub fn of_format(format: WebhookFormat) -> Self {
        if format.is_for_people() { Self::for_people() } else { Self::all() }
    }

    /// The ends of jobs, and errors: what a person who waits wants to hear of.
    pub fn ends() -> Self {
        Self(EventKind::ALL.iter().copied().filter(|kind| kind.is_end_or_error()).collect())
    }

    /// The types that match any of `patterns`: a type (`restore_job.failed`), all of a noun
    /// (`restore_job.*`) or `*`. The error is the first pattern that matches nothing.
    pub fn from_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut kinds = Vec::new();
        for pattern in patterns {
            let before = kinds.len();
            kinds.extend(EventKind::ALL.iter().filter(|kind| match pattern.strip_suffix('*') {
                Some(prefix) => {
                    (prefix.is_empty() || prefix.ends_with('.')) && kind.as_str().starts_with(prefix)
                }
                None => kind.as_str() == pattern,
            }));
            if kinds.len() == before {
                return Err(pattern);
            }
        }

        kinds.sort_unstable();
        kinds.dedup();
        Ok(Self(kinds))
    }

    /// The fewest patterns that match these types and no others.
    pub fn shortest_patterns(&self) -> Vec<String> {
        if self.0.len() == EventKind::ALL.len() {
            return vec!["*".to_owned()];
        }
        let of_noun = |noun: &str| {
            let is_of_noun = |kind: &&EventKind| kind.noun() == noun;
            if EventKind::ALL.iter().filter(is_of_noun).all(|kind| self.wants(*kind)) {
                return vec![format!("{noun}.*")];
            }
            self.0.iter().filter(is_of_noun).map(ToString::to_string).collect()
        };
        EventKind::nouns().into_iter().flat_map(of_noun).collect()
    }

    /// What patterns may be: each type, `*`, and all of each noun.
    pub(in crate::config) fn patterns() -> Vec<String> {
        let nouns = EventKind::nouns().into_iter().map(|noun| format!("{noun}.*"));
        Self::types().into_iter().chain(["*".to_owned()]).chain(nouns).collect()
    }

    /// The names of all types.
    pub(in crate::config) fn types() -> Vec<String> {
        EventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect()
    }

    /// Whether events of this type are wanted.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.0.contains(&kind)
    }

    /// The wanted types.
    pub fn kinds(&self) -> &[EventKind] {
        &self.0
    }
}

/// The events of a sink. The log is a sink unless it is written otherwise, so it alone can be
/// switched off.
pub(super) fn read(value: &Value<'_>, is_log: bool) -> Option<EventFilter> {
    let entries = value.array(HELP)?;
    if entries.is_empty() && is_log {
        return Some(EventFilter::none());
    }
    if entries.is_empty() {
        value.refuse("is empty, so this sink would receive no events", HELP);
        return None;
    }
    let patterns: Vec<_> = entries.iter().filter_map(pattern).collect();
    if patterns.len() < entries.len() { None } else { EventFilter::from_patterns(patterns).ok() }
}

/// A pattern that matches something.
fn pattern<'a>(entry: &Value<'a>) -> Option<&'a str> {
    let text = entry.string()?;
    if EventFilter::from_patterns([text]).is_ok() {
        return Some(text);
    }
    unknown(text, &entry.span, entry.report, &EventFilter::patterns());
    None
}

/// Reports a text that is none of these event types and patterns.
pub(super) fn unknown(text: &str, span: &Span, report: &Report, known: &[String]) {
    let known = || known.iter().map(String::as_str);
    let verb = |text: &str| known().find(|event| event.split_once('.').is_some_and(|(_, verb)| verb == text));
    let near = verb(text).or_else(|| nearest(text, known()));
    let all = || known().map(|event| format!("\"{event}\"")).collect::<Vec<_>>().join(", ");
    let help =
        near.map_or_else(|| format!("the events are {}", all()), |near| format!("did you mean \"{near}\"?"));
    report.push(Finding::new(span, format!("unknown event {}", quoted(text))).help(help));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_a_type_or_all_of_a_noun() {
        let filter =
            EventFilter::from_patterns(["restore_job.failed", "project.*", "restore_job.failed"]).unwrap();
        assert!(filter.wants(EventKind::Failed));
        assert!(filter.wants(EventKind::ProjectUnauthorized));
        assert!(!filter.wants(EventKind::Completed));
        assert_eq!(filter.kinds().len(), 3);
        assert_eq!(EventFilter::from_patterns(["*"]), Ok(EventFilter::all()));
        assert_eq!(
            EventFilter::from_patterns(["restore_job.*", "restore_job.fail*"]),
            Err("restore_job.fail*")
        );
        assert_eq!(EventFilter::from_patterns(["nonsense"]), Err("nonsense"));
    }

    #[test]
    fn shortest_patterns_are_those_of_whole_nouns() {
        for (patterns, shortest) in [
            (&["*"][..], &["*"][..]),
            (&["restore_job.*"], &["restore_job.*"]),
            (&["project.*", "restore_job.failed"], &["restore_job.failed", "project.*"]),
            (&["restore_job.*", "index.*", "project.*"], &["*"]),
        ] {
            let filter = EventFilter::from_patterns(patterns.iter().copied()).unwrap();

            assert_eq!(filter.shortest_patterns(), shortest);
        }
        assert_eq!(EventFilter::none().shortest_patterns(), Vec::<String>::new());
    }
}
