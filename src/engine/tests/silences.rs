//! Silences: which deliveries they drop, and how they end.

use jiff::SignedDuration;

use super::*;
use crate::config::IndexPattern;

const TWO_HOURS: Duration = Duration::from_hours(2);

fn log() -> SinkPlan {
    SinkPlan { is_log: true, ..sink("log") }
}

fn of_index(pattern: &str) -> SilenceMatcher {
    SilenceMatcher { index: Some(IndexPattern::parse(pattern).unwrap()), ..SilenceMatcher::default() }
}

fn silence(matcher: SilenceMatcher) -> Command {
    let comment = "maintenance".to_owned();
    Command::Silence(NewSilence { matcher, lasts: TWO_HOURS, comment, set_by: None })
}

/// Two jobs, two sinks and the log.
fn stage() -> Stage {
    Stage::new(&[project(&["a", "b"])], vec![sink("one"), sink("two"), log()])
}

fn number(n: u64) -> SilenceId {
    n.to_string().parse().unwrap()
}

impl Stage {
    /// Completes the next job, whose index has this name.
    fn complete_into(&mut self, index: Option<&str>) {
        let poll = self.poll();
        let facts = JobFacts { target_index_name: index.map(str::to_owned), ..JobFacts::default() };
        self.answer_with(poll, "Completed", facts);
    }

    /// The sinks that an end was sent to since the last call.
    fn sent_to(&mut self) -> Vec<String> {
        let mut sinks = Vec::new();
        while let Some(delivery) = self.deliveries.pop_front() {
            if self.kind(&delivery).is_terminal() {
                sinks.push(delivery.id.sink.to_string());
            }
            self.step(Input::Delivered(delivery.id));
        }
        sinks.sort();
        sinks
    }

    fn silences_in_force(&self) -> Vec<SilenceId> {
        self.engine.silences().map(|silence| silence.id).collect()
    }
}

#[test]
fn a_silenced_event_goes_to_the_log_alone() {
    let mut stage = stage();
    stage.sent_to();

    assert_eq!(stage.command(silence(of_index("prod-*"))), CommandReply::Silenced(number(1)));
    stage.complete_into(Some("prod-docs"));

    assert_eq!(stage.sent_to(), ["log"]);
    assert_eq!(stage.engine.deliveries().pending(), 0);
    let dropped = stage.disk.deliveries.iter().filter(|(_, change)| *change == DeliveryChange::Dropped);
    assert_eq!(dropped.count(), 4, "the begin of the watch, and the end");
    let withheld = stage.diagnostics.iter().find_map(|diagnostic| match diagnostic {
        Diagnostic::Withheld { sinks, reason, .. } => Some((sinks.len(), reason.as_str())),
        _ => None,
    });
    assert_eq!(withheld, Some((2, "silenced by 1: maintenance")));

    stage.complete_into(Some("staging"));
    assert_eq!(stage.sent_to(), ["log", "one", "two"]);
}

#[test]
fn an_event_must_match_every_part_of_a_silence() {
    let default = ProjectName::default;
    let other = ProjectName::new("other");
    let all = SilenceMatcher::default;
    for (matcher, index, sent_to) in [
        (of_index("prod-*"), None, &["log", "one", "two"][..]),
        (of_index("*"), None, &["log", "one", "two"]),
        (SilenceMatcher { project: Some(default()), ..all() }, None, &["log"]),
        (SilenceMatcher { project: Some(other.clone()), ..all() }, None, &["log", "one", "two"]),
        (SilenceMatcher { sink: Some(SinkName::new("one")), ..all() }, None, &["log", "two"]),
        (
            SilenceMatcher { sink: Some(SinkName::new("one")), ..of_index("a") },
            Some("b"),
            &["log", "one", "two"],
        ),
        (SilenceMatcher { project: Some(default()), ..of_index("a") }, Some("a"), &["log"]),
        (SilenceMatcher { project: Some(other), ..of_index("a") }, Some("a"), &["log", "one", "two"]),
    ] {
        let mut stage = stage();
        stage.sent_to();

        stage.command(silence(matcher.clone()));
        stage.complete_into(index);

        assert_eq!(stage.sent_to(), sent_to, "{matcher:?} {index:?}");
    }
}

#[test]
fn pending_deliveries_are_not_silenced() {
    let mut stage = stage();
    stage.sent_to();
    stage.complete_into(Some("docs"));

    stage.command(silence(of_index("*")));

    assert_eq!(stage.sent_to(), ["log", "one", "two"]);
}

#[test]
fn a_silence_ends_by_itself() {
    let mut stage = stage();
    stage.sent_to();
    stage.command(silence(of_index("*")));

    stage.pass(seconds(7199));
    stage.step(Input::Timeout);
    assert_eq!(stage.silences_in_force(), [number(1)]);
    assert!(stage.engine.poll_timeout() <= Some(stage.now.instant + seconds(1)));

    stage.pass(seconds(1));
    stage.step(Input::Timeout);
    assert_eq!(stage.silences_in_force(), []);
    let is_end = |diagnostic: &&Diagnostic| {
        matches!(diagnostic, Diagnostic::SilenceEnded { how: SilenceEnd::Expired, .. })
    };
    assert_eq!(stage.diagnostics.iter().filter(is_end).count(), 1);
    assert_eq!(stage.disk.load().silences.in_force, []);

    stage.complete_into(Some("docs"));
    assert_eq!(stage.sent_to(), ["log", "one", "two"]);
}

#[test]
fn no_jump_of_the_clock_ends_a_silence() {
    let mut stage = stage();
    stage.sent_to();
    stage.command(silence(of_index("*")));

    stage.now.wall += SignedDuration::from_hours(50);
    stage.step(Input::Timeout);
    assert_eq!(stage.silences_in_force(), [number(1)]);

    stage.now.wall -= SignedDuration::from_hours(100);
    stage.pass(TWO_HOURS);
    stage.step(Input::Timeout);
    assert_eq!(stage.silences_in_force(), []);
}

#[test]
fn a_silence_goes_on_after_a_restart() {
    let mut stage = stage();
    stage.command(silence(of_index("*")));
    stage.command(silence(of_index("prod-*")));
    stage.command(Command::EndSilence(number(2)));
    let sinks = || vec![sink("one"), sink("two"), log()];

    for (minutes, in_force) in [(30, &[number(1)][..]), (119, &[number(1)]), (120, &[]), (-60, &[number(1)])]
    {
        let wall = stage.now.wall + SignedDuration::from_mins(minutes);
        let now = Now { instant: Instant::default(), wall };
        let mut again = Stage::on(stage.disk.clone(), &[project(&["a", "b"])], sinks(), now);
        assert_eq!(again.silences_in_force(), in_force, "{minutes}");

        assert_eq!(again.command(silence(of_index("x"))), CommandReply::Silenced(number(3)), "{minutes}");
        again.pass(TWO_HOURS);
        again.step(Input::Timeout);
        assert_eq!(again.silences_in_force(), [], "{minutes}");
    }
}

#[test]
fn a_clock_that_is_behind_prolongs_a_silence_once() {
    let mut stage = stage();
    stage.command(silence(of_index("*")));
    let sinks = || vec![sink("one"), sink("two"), log()];
    let start = |disk: Disk, wall: Timestamp| {
        Stage::on(disk, &[project(&["a", "b"])], sinks(), Now { instant: Instant::default(), wall })
    };

    let behind = stage.now.wall - SignedDuration::from_hours(24);
    let first = start(stage.disk, behind);
    let second = start(first.disk, behind + SignedDuration::from_mins(90));

    let ends = second.engine.silences().next().unwrap().ends;
    assert_eq!(ends.since(second.now.instant), Duration::from_mins(30));
}

#[test]
fn a_silence_is_ended_once() {
    let mut stage = stage();
    stage.command(silence(of_index("*")));

    assert_eq!(stage.command(Command::EndSilence(number(7))), CommandReply::UnknownSilence);
    assert_eq!(stage.command(Command::EndSilence(number(1))), CommandReply::Done);
    assert_eq!(stage.command(Command::EndSilence(number(1))), CommandReply::UnknownSilence);
    assert_eq!(stage.disk.load().silences.last, Some(number(1)));
}

#[test]
fn silences_are_bounded() {
    let mut stage = stage();
    for n in 1..=100 {
        assert_eq!(stage.command(silence(of_index("*"))), CommandReply::Silenced(number(n)));
    }
    assert_eq!(stage.command(silence(of_index("*"))), CommandReply::TooManySilences);
}
