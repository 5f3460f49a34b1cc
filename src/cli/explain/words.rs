//! When a job is polled next, and why, in words.

use std::time::Duration;

use super::Poller;
use crate::adapters::control::{
    CadenceReport, ExplanationReport, HoldReport, Later, LearnedRate, RateReport, RuleReport, SinceReport,
    TurnReport,
};
use crate::model::{Expectation, Outcome, RestoreGroup, duration};
use crate::platform::lines::hanging;

/// The whole explanation.
pub(super) fn of(explanation: &ExplanationReport, poller: Poller, width: Option<usize>) -> String {
    /// Where the words of a reason begin.
    const INDENT: usize = 11;

    let mut lines =
        vec![hanging(&heading(explanation, poller), 0, width), hanging(&next(explanation, poller), 0, width)];
    if explanation.turn == TurnReport::Waiting {
        lines.push(String::new());
        let reasons = reasons(explanation).into_iter();
        lines.extend(reasons.map(|(name, words)| format!("  {name:<9}{}", hanging(&words, INDENT, width))));
    }
    lines.join("\n") + "\n"
}

fn heading(explanation: &ExplanationReport, poller: Poller) -> String {
    let ExplanationReport { project, job, age_seconds, until, .. } = explanation;
    let mut label = match (&job.name, &job.facts.target_index_name) {
        (Some(name), _) | (None, Some(name)) => format!("{name} ({})", job.id),
        (None, None) => job.id.to_string(),
    };
    if poller == Poller::Daemon {
        label = format!("{label} of project {project}");
    }
    let outcome = explanation.outcome.in_words(
        explanation.status.as_ref(),
        explanation.index_state.as_ref(),
        explanation.last_error.as_deref(),
    );
    match explanation.turn {
        TurnReport::Over => format!("{label}: {outcome}"),
        _ => format!("{label}: {outcome}, {} old, watched until {until}", human(*age_seconds)),
    }
}

fn next(explanation: &ExplanationReport, poller: Poller) -> String {
    let poller = match poller {
        Poller::Daemon => "the daemon",
        Poller::Wait => "a wait",
    };
    if let Some(standby) = &explanation.standby {
        return format!("{standby}; what follows holds if it takes over now");
    }
    match (explanation.turn, explanation.next_poll_seconds) {
        (TurnReport::Over, _) => "it has ended, so it is not polled again".to_owned(),
        (TurnReport::Polling, _) => format!("{poller} is polling it now"),
        (TurnReport::Paused, _) => format!("{poller} does not poll it: its project is paused"),
        (TurnReport::Waiting, Some(next)) if explanation.is_covered => {
            format!("{poller} reads the list that shows it {}", from_now(next))
        }
        (TurnReport::Waiting, Some(next)) => format!("{poller} polls it {}", from_now(next)),
        (TurnReport::Waiting, None) => format!("{poller} polls it after another event, such as a resume"),
    }
}

/// Each reason under its name, in the order in which they decide.
fn reasons(explanation: &ExplanationReport) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let group = explanation.expected.as_ref().and_then(|expected| expected.group.as_ref());
    let error = explanation.last_error.as_deref();
    // With an unauthorized key no rule applies: the next poll waits for the next try of the key.
    let is_by_rule = explanation.outcome != Outcome::Unauthorized;
    let rule = explanation.rule.as_ref().filter(|_| is_by_rule);
    lines.extend(rule.map(|rule| by_rule(rule, group, error)));
    let age = explanation.age_seconds;
    lines.extend(explanation.expected.as_ref().map(|expected| ("expect", by_expectation(expected, age))));
    lines.extend(explanation.answered_seconds_ago.map(|ago| ("answered", format!("{} ago", human(ago)))));
    lines.extend(
        explanation.asked_to_wait_seconds.map(|left| {
            ("asked", format!("the server asks for a pause of {} more (Retry-After)", human(left)))
        }),
    );
    let due = explanation.due_seconds.filter(|_| is_by_rule);
    lines.extend(due.map(|due| ("due", format!("{}, if nothing else delays it", from_now(due)))));
    if explanation.is_covered {
        let until = "it is polled when the list shows its end, and from time to time to check the list";
        lines.push(("covered", format!("one page of the list answers for it and for others; {until}")));
    }
    lines.extend(explanation.hold.as_ref().map(|HoldReport { seconds, reason }| {
        ("held", format!("no requests for the project for another {}: {reason}", human(*seconds)))
    }));
    lines.push(("rate", rate(explanation)));
    let at = |later: &Later| {
        format!("{} at the age of {}", human(later.interval_seconds), human(later.age_seconds))
    };
    let later: Vec<_> = explanation.later.iter().map(at).collect();
    if !later.is_empty() {
        lines.push(("later", format!("every {}", later.join(", "))));
    }
    lines
}

fn rate(explanation: &ExplanationReport) -> String {
    let rate = &explanation.rate;
    let ahead = match rate.jobs_ahead {
        0 => "no job is ahead".to_owned(),
        1 => "1 job is ahead".to_owned(),
        jobs => format!("{jobs} jobs are ahead"),
    };
    let possible = match (&explanation.hold, rate.room_seconds) {
        (Some(_), _) => "after that".to_owned(),
        (None, seconds) => from_now(seconds),
    };
    format!("{}; the next request is possible {possible}, {ahead}", in_force(rate))
}

/// The rate in force, and why it is not the configured one, if it is not.
fn in_force(rate: &RateReport) -> String {
    let RateReport { requests_per_second: configured, burst, learned, .. } = rate;
    match learned {
        None => format!("{configured} requests a second, {burst} at once"),
        Some(LearnedRate { requests_per_second: learned, reason }) => format!(
            "{learned:.2} requests a second, one at a time, because the server refused more: {reason}; recovers \
             gradually to the configured {configured} a second, {burst} at once"
        ),
    }
}

fn by_rule(
    rule: &RuleReport,
    group: Option<&RestoreGroup>,
    last_error: Option<&str>,
) -> (&'static str, String) {
    let error = last_error.map(|error| format!(": {}", error.trim_end_matches('.'))).unwrap_or_default();
    match rule {
        RuleReport::First => ("new", "polled at once: nothing is known of it yet".to_owned()),
        RuleReport::Cadence(rule) => ("cadence", by_cadence(rule, group, &error)),
        RuleReport::Backoff { failures, ceiling_seconds, max_seconds } => {
            let polls = if *failures == 1 { "poll" } else { "polls in a row" };
            let (ceiling, most) = (human(*ceiling_seconds), human(*max_seconds));
            let bounds = format!("0.5s, doubled with each failure, up to {most}");
            (
                "backoff",
                format!(
                    "{failures} {polls} failed{error}; the next one at random within {ceiling} ({bounds})"
                ),
            )
        }
        RuleReport::LongestInterval { interval_seconds } => {
            let interval = human(*interval_seconds);
            ("slow", format!("polled every {interval}, because its trouble was reported and lasts{error}"))
        }
    }
}

fn by_cadence(rule: &CadenceReport, group: Option<&RestoreGroup>, error: &str) -> String {
    let age = human(rule.age_seconds);
    let root = format!("the square root of {} s x", 2.0 * rule.poll_cost_seconds);
    let measured = match (rule.since, rule.projected_seconds) {
        (SinceReport::Start, None) if rule.past_restores == 0 => match rule.expected_seconds {
            Some(expected) => {
                format!("its age of {age} and the {} that it is configured to take", human(expected))
            }
            None => format!("its age of {age}: {root} age"),
        },
        (SinceReport::Start, None) => {
            let past = rule.past_restores;
            let restores = if past == 1 { "restore" } else { "restores" };
            let whose = group.map_or_else(|| "the project".to_owned(), ToString::to_string);
            format!("its age of {age} and what {past} past {restores} of {whose} took")
        }
        (SinceReport::Start, Some(left)) => format!(
            "its progress: half of the {} to the projected end, at most three times {root} age ({age})",
            human(left)
        ),
        (SinceReport::Completion, _) => format!("the {age} since it completed: {root} that, for its index"),
        (SinceReport::FirstNotFound, _) => {
            format!("the {age} since it was first not found{error}; it may appear at any moment")
        }
    };
    let (every, least, most) =
        (human(rule.interval_seconds), human(rule.min_seconds), human(rule.max_seconds));
    let shortened = match rule.stretch {
        stretch if stretch < 1.0 => format!(", shortened to {:.0} % by full effort", 100.0 * stretch),
        _ => String::new(),
    };
    format!(
        "every {every} by {measured}{shortened}; at least {least}, at most {most}, each varied by up to 10 %"
    )
}

/// What past restores let expect, and how this one compares with them.
fn by_expectation(expected: &Expectation, age_seconds: f64) -> String {
    let compared = match age_seconds {
        // Of so few, nine in ten are all.
        age if age > expected.p90_seconds && expected.restores < 10 => "longer than any of them",
        age if age > expected.p90_seconds => "longer than nine in ten of them",
        age if age > expected.p50_seconds => "longer than half of them",
        _ => "not as long as half of them yet",
    };
    format!("{expected}; this one has been running for {}, {compared}", human(age_seconds))
}

fn from_now(seconds: f64) -> String {
    if seconds <= 0.0 { "now".to_owned() } else { format!("in {}", human(seconds)) }
}

fn human(seconds: f64) -> String {
    duration::human(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: CadenceReport = CadenceReport {
        since: SinceReport::Start,
        age_seconds: 540.0,
        interval_seconds: 11.0,
        stretch: 1.0,
        min_seconds: 1.0,
        max_seconds: 60.0,
        projected_seconds: None,
        past_restores: 0,
        expected_seconds: None,
        poll_cost_seconds: 0.1,
    };

    fn cadence(rule: CadenceReport, group: Option<&RestoreGroup>) -> String {
        let (_, words) = by_rule(&RuleReport::Cadence(rule), group, None);
        words.strip_suffix("; at least 1.0s, at most 1m 00s, each varied by up to 10 %").unwrap().to_owned()
    }

    #[test]
    fn backoff_says_its_bounds() {
        let rule = RuleReport::Backoff { failures: 5, ceiling_seconds: 8.0, max_seconds: 22.0 };

        let (_, words) = by_rule(&rule, None, Some("HTTP 503."));

        assert_eq!(
            words,
            "5 polls in a row failed: HTTP 503; the next one at random within 8.0s (0.5s, doubled with each failure, up to \
             22s)"
        );
    }

    #[test]
    fn expectation_says_how_this_one_compares() {
        let expected = Expectation { restores: 40, p50_seconds: 540.0, p90_seconds: 1260.0, group: None };
        for (age, end) in [
            (60.0, "; this one has been running for 1m 00s, not as long as half of them yet"),
            (600.0, "; this one has been running for 10m 00s, longer than half of them"),
            (1300.0, "; this one has been running for 21m 40s, longer than nine in ten of them"),
        ] {
            let words = by_expectation(&expected, age);
            assert!(words.starts_with(&expected.to_string()) && words.ends_with(end), "{words}");
        }
    }

    #[test]
    fn cadence_says_what_its_interval_follows_from() {
        let of_age = |past_restores, poll_cost_seconds| {
            cadence(CadenceReport { past_restores, poll_cost_seconds, ..RULE }, None)
        };

        assert_eq!(of_age(0, 0.1), "every 11s by its age of 9m 00s: the square root of 0.2 s x age");
        assert_eq!(of_age(0, 0.4), "every 11s by its age of 9m 00s: the square root of 0.8 s x age");
        assert_eq!(of_age(0, 0.025), "every 11s by its age of 9m 00s: the square root of 0.05 s x age");
        assert_eq!(
            of_age(40, 0.1),
            "every 11s by its age of 9m 00s and what 40 past restores of the project took"
        );
        assert!(of_age(1, 0.1).contains("1 past restore of"));
        assert_eq!(
            cadence(CadenceReport { projected_seconds: Some(22.0), ..RULE }, None),
            "every 11s by its progress: half of the 22s to the projected end, at most three times the square root of 0.2 s x \
             age (9m 00s)"
        );
        assert_eq!(
            cadence(CadenceReport { interval_seconds: 5.5, stretch: 0.5, ..RULE }, None),
            "every 5.5s by its age of 9m 00s: the square root of 0.2 s x age, shortened to 50 % by full effort"
        );
        let completed = CadenceReport { since: SinceReport::Completion, poll_cost_seconds: 0.4, ..RULE };
        assert!(cadence(completed, None).ends_with("the square root of 0.8 s x that, for its index"));
    }

    #[test]
    fn cadence_names_the_group_and_what_was_expected() {
        let orders = RestoreGroup::Index("orders".to_owned());

        assert_eq!(
            cadence(CadenceReport { past_restores: 12, ..RULE }, Some(&orders)),
            "every 11s by its age of 9m 00s and what 12 past restores of orders took"
        );
        assert_eq!(
            cadence(CadenceReport { expected_seconds: Some(600.0), ..RULE }, None),
            "every 11s by its age of 9m 00s and the 10m 00s that it is configured to take"
        );
    }
}
