//! Silences: for some time, events that match go to no sink but the log.
//!
//! Invariant: a silence ends by the monotonic clock, as long as its process runs; after a restart,
//! never later than what was left of it when it was recorded. A number is given once.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Engine;
use super::diagnostic::{Diagnostic, SilenceEnd};
use super::input::CommandReply;
use super::outbox::Outbox;
use super::snapshot::{SilenceSnapshot, SilencesSnapshot};
use crate::config::IndexPattern;
use crate::model::time::{Instant, Now, Recorded};
use crate::model::{Event, ProjectName, SilenceId, SinkName};

/// The most silences at once: each event is compared with all of them.
const MOST: usize = 100;

/// A silence that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSilence {
    pub matcher: SilenceMatcher,
    pub lasts: Duration,
    /// Why it is set, for people.
    pub comment: String,
    /// Who set it, as far as that is known.
    pub set_by: Option<String>,
}

/// Which deliveries a silence drops: those that match every part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SilenceMatcher {
    /// Of restores into an index of such a name. A restore whose index is unknown does not match.
    pub index: Option<IndexPattern>,
    pub project: Option<ProjectName>,
    pub sink: Option<SinkName>,
}

/// A silence in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub id: SilenceId,
    pub matcher: SilenceMatcher,
    /// Why it was set, for people.
    pub comment: String,
    /// Who set it, as far as that is known.
    pub set_by: Option<String>,
    /// When it was set.
    pub set_at: Timestamp,
    /// When it ends.
    pub ends: Instant,
}

impl Silence {
    /// The longest time that one may last. What is silenced for longer is better left out of the
    /// configuration.
    pub const LONGEST: Duration = Duration::from_hours(30 * 24);

    /// The most characters of a comment.
    pub const LONGEST_COMMENT: usize = 200;
}

impl SilenceMatcher {
    /// Whether it says nothing, and so would match everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn matches(&self, event: &Event, sink: &SinkName) -> bool {
        let index = event.job.as_ref().and_then(|job| job.facts.target_index_name.as_deref());
        let Self { index: wanted_index, project: wanted_project, sink: wanted_sink } = self;
        wanted_index.as_ref().is_none_or(|wanted| index.is_some_and(|index| wanted.matches(index)))
            && wanted_project.as_ref().is_none_or(|wanted| *wanted == event.project)
            && wanted_sink.as_ref().is_none_or(|wanted| wanted == sink)
    }
}

/// The silences in force.
#[derive(Debug, Default)]
pub(super) struct Silences {
    in_force: BTreeMap<SilenceId, Silence>,
    /// The last number that was given.
    last: Option<SilenceId>,
    /// Whether the record says something else.
    is_dirty: bool,
}

impl Silences {
    pub(super) fn from_snapshot(snapshot: SilencesSnapshot, now: Now) -> Self {
        let SilencesSnapshot { written_at, last, in_force } = snapshot;
        let written_at = written_at.unwrap_or(now.wall);
        let recorded = Recorded::new(written_at, now);
        let silence = |SilenceSnapshot { id, matcher, comment, set_by, set_at, until }| {
            (id, Silence { id, matcher, comment, set_by, set_at, ends: recorded.due(until) })
        };
        let in_force: BTreeMap<_, _> = in_force.into_iter().map(silence).collect();
        // By a clock that was ahead of this one: what was left of each then counts from this start
        // on, and not from each further one.
        let is_dirty = written_at > now.wall && !in_force.is_empty();
        Self { in_force, last, is_dirty }
    }

    /// The first one that keeps this event from this sink.
    pub(super) fn matching(&self, event: &Event, sink: &SinkName) -> Option<&Silence> {
        self.in_force.values().find(|silence| silence.matcher.matches(event, sink))
    }

    /// Those in force, by number.
    pub(super) fn in_force(&self) -> impl Iterator<Item = &Silence> {
        self.in_force.values()
    }

    /// Begins one; none if there are too many.
    pub(super) fn set(&mut self, new: NewSilence, now: Now) -> Option<Silence> {
        if self.in_force.len() >= MOST {
            return None;
        }
        let NewSilence { matcher, lasts, comment, set_by } = new;
        let id = self.last.map_or(SilenceId::FIRST, SilenceId::next);
        let silence = Silence { id, matcher, comment, set_by, set_at: now.wall, ends: now.instant + lasts };

        self.last = Some(id);
        self.in_force.insert(id, silence.clone());
        self.is_dirty = true;
        Some(silence)
    }

    /// Ends one early, if it is in force.
    pub(super) fn end(&mut self, id: SilenceId) -> Option<Silence> {
        let ended = self.in_force.remove(&id);
        self.is_dirty |= ended.is_some();
        ended
    }

    /// Takes out one whose time is over.
    pub(super) fn take_ended(&mut self, now: Instant) -> Option<Silence> {
        let id = self.in_force.values().find(|silence| silence.ends <= now)?.id;
        self.end(id)
    }

    /// When the next one ends.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.in_force.values().map(|silence| silence.ends).min()
    }

    /// The record, if it has to be written again.
    pub(super) fn take_dirty(&mut self, now: Now) -> Option<SilencesSnapshot> {
        std::mem::take(&mut self.is_dirty).then(|| SilencesSnapshot {
            written_at: Some(now.wall),
            last: self.last,
            in_force: self.in_force.values().map(|silence| snapshot(silence, now)).collect(),
        })
    }
}

impl Engine {
    /// Has the hours of the sinks and the silences be as they are at `now`, before anything is
    /// judged by them.
    pub(super) fn keep_time(&mut self, now: Now) {
        self.with_outbox(now, Outbox::follow_hours);
        while let Some(silence) = self.silences.take_ended(now.instant) {
            self.diagnostics.push(Diagnostic::SilenceEnded { silence, how: SilenceEnd::Expired });
        }
    }

    pub(super) fn set_silence(&mut self, new: NewSilence, now: Now) -> CommandReply {
        let Some(silence) = self.silences.set(new, now) else { return CommandReply::TooManySilences };
        let id = silence.id;
        self.diagnostics.push(Diagnostic::SilenceBegan { until: now.wall_at(silence.ends), silence });
        CommandReply::Silenced(id)
    }

    pub(super) fn end_silence(&mut self, id: SilenceId) -> CommandReply {
        let Some(silence) = self.silences.end(id) else { return CommandReply::UnknownSilence };
        self.diagnostics.push(Diagnostic::SilenceEnded { silence, how: SilenceEnd::ByHand });
        CommandReply::Done
    }

    /// Has changed silences committed at once.
    pub(super) fn record_silences(&mut self, now: Now) {
        let changed = self.silences.take_dirty(now);
        self.commit_queue.silences(changed);
    }
}

fn snapshot(silence: &Silence, now: Now) -> SilenceSnapshot {
    let Silence { id, matcher, comment, set_by, set_at, ends } = silence.clone();
    SilenceSnapshot { id, matcher, comment, set_by, set_at, until: now.wall_at(ends) }
}
