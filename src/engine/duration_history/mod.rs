//! How long the restores of a project took in the past, and what that says of one that runs.
//!
//! Invariant: each restore counts once, however often its end is seen; only the newest
//! [`MAX_RESTORES`] are kept, because what is restored changes.

mod groups;
mod lagging;
mod past;
mod pooling;

use std::time::Duration;

use super::cadence::EndEstimate;
use super::hazard::{Hazard, Survivors};
use super::snapshot::{Origin, PastRestore};
use crate::model::{Expectation, JobFacts, nearest_rank};

pub(super) use groups::GroupKey;

use groups::{Groups, Sample};
use lagging::Lagging;

const MAX_RESTORES: usize = 200;

/// Fewer than this say nothing about what is slow.
const MIN_RESTORES_FOR_QUANTILE: usize = 20;

/// Restores that completed.
#[derive(Debug, Clone, Default)]
pub(super) struct DurationHistory {
    /// The oldest first.
    past: Vec<PastRestore>,
    all: Sample,
    groups: Groups,
    pool: Lagging<Pool>,
}

/// What all restores say of those of a group.
#[derive(Debug, Clone)]
struct Pool {
    survivors: Survivors,
    /// How many restores of a group all of them are worth; none if the groups do not differ.
    weight: Option<f64>,
}

/// How long a part of the restores took at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantile {
    pub(super) took: Duration,
    /// How many there are.
    pub(super) restores: usize,
    /// The group that they are of; none if they are all of the project.
    pub(super) group: Option<GroupKey>,
}

impl DurationHistory {
    /// The history of a record.
    pub(super) fn from_snapshot(mut past: Vec<PastRestore>) -> Self {
        past.sort_by_key(PastRestore::key);
        past.dedup_by_key(|restore| restore.key());
        past.drain(..past.len().saturating_sub(MAX_RESTORES));
        let (all, groups) = (Sample::of(past.len()), Groups::of(&past));
        Self { past, all, groups, pool: Lagging::default() }
    }

    /// What is recorded of it.
    pub(super) fn snapshot(&self) -> Vec<PastRestore> {
        self.past.clone()
    }

    /// Learns of a restore. Returns whether that was not known.
    pub(super) fn learn(&mut self, restore: PastRestore) -> bool {
        let place = self.past.partition_point(|known| known.key() < restore.key());
        if let Some(known) = self.past.get(place).filter(|known| known.key() == restore.key()) {
            // An older record does not say what was restored.
            let adds = known.origin == Origin::default() && restore.origin != known.origin;
            if adds {
                self.past[place].origin = restore.origin;
                self.on_change(restore.origin);
            }
            return adds;
        }
        // The list shows old ones again and again; they are not to discard what was computed.
        if place == 0 && self.past.len() >= MAX_RESTORES {
            return false;
        }

        self.past.insert(place, restore);
        let forgotten = (self.past.len() > MAX_RESTORES).then(|| self.past.remove(0));
        self.on_change(restore.origin);
        if let Some(forgotten) = forgotten {
            self.groups.on_change(forgotten.origin, &self.past);
        }
        true
    }

    /// What is known of the end of a job of these facts that runs.
    pub(super) fn end_estimate(&self, facts: &JobFacts) -> EndEstimate<'_> {
        if self.past.is_empty() {
            return EndEstimate::Unknown;
        }
        let pool = self.pool();
        let hazard = match self.group(facts) {
            Some((key, sample, weight)) => sample.hazard.get_or_init(|| {
                let own = Survivors::of(self.durations(Some(key), sample));
                Hazard::of_group(&own, &pool.survivors, weight)
            }),
            None => self.all.hazard.get_or_init(|| Hazard::of(&pool.survivors)),
        };
        EndEstimate::Past(hazard)
    }

    /// How long this part of the restores took at most that a job of these facts is compared with,
    /// by the nearest rank: those of its group, else all; if enough are known to say.
    pub(super) fn quantile(&self, facts: &JobFacts, part: f64) -> Option<Quantile> {
        let of_group = self.group(facts).map(|(key, sample, _)| (Some(key), sample));
        let samples = of_group.into_iter().chain([(None, &self.all)]);
        let (group, sample) =
            samples.into_iter().find(|(_, sample)| sample.restores >= MIN_RESTORES_FOR_QUANTILE)?;
        let took = nearest_rank(self.durations(group, sample), part)?;
        Some(Quantile { took, restores: sample.restores, group })
    }

    /// What to expect of the next restore of the project, if anything is known.
    pub(super) fn expectation(&self) -> Option<Expectation> {
        expectation(self.durations(None, &self.all))
    }

    /// What to expect of a job of these facts, if anything is known.
    pub(super) fn expectation_of(&self, facts: &JobFacts) -> Option<Expectation> {
        let Some((key, sample, _)) = self.group(facts) else { return self.expectation() };
        let expected = expectation(self.durations(Some(key), sample))?;
        Some(Expectation { group: key.name(facts), ..expected })
    }

    /// The group that decides what to expect of a job of these facts; none if all restores do.
    pub(super) fn group_of(&self, facts: &JobFacts) -> Option<GroupKey> {
        self.group(facts).map(|(key, ..)| key)
    }

    /// The group of a job of these facts, and the weight of all restores in it; none if the group
    /// is not known or the groups do not differ.
    fn group(&self, facts: &JobFacts) -> Option<(GroupKey, &Sample, f64)> {
        let weight = self.pool().weight?;
        let (key, sample) = self.groups.group(Origin::of(facts))?;
        Some((key, sample, weight))
    }

    fn pool(&self) -> &Pool {
        self.pool.get_or_init(|| {
            let grouped = self.past.iter().filter_map(|restore| {
                let (group, _) = self.groups.group(restore.origin)?;
                Some((group, Duration::from_millis(restore.took).as_secs_f64().max(1e-3).ln()))
            });
            Pool {
                survivors: Survivors::of(self.durations(None, &self.all)),
                weight: pooling::weight_of_all(grouped),
            }
        })
    }

    /// The durations of a group, or of all; `sample` keeps them.
    fn durations<'a>(&self, group: Option<GroupKey>, sample: &'a Sample) -> &'a [Duration] {
        match group {
            Some(group) => sample.durations(groups::members(group, &self.past)),
            None => sample.durations(self.past.iter().copied()),
        }
    }

    /// A restore of this origin is new, or what it restored is.
    fn on_change(&mut self, origin: Origin) {
        self.groups.on_change(origin, &self.past);
        self.all.on_change(self.past.len());
        if self.pool.on_change(self.past.len()) {
            self.all.hazard.clear();
            self.groups.drop_hazards();
        }
    }
}

/// What to expect by these durations, the shortest first.
fn expectation(durations: &[Duration]) -> Option<Expectation> {
    let seconds = |part| nearest_rank(durations, part).map(|took| took.as_secs_f64());
    Some(Expectation {
        restores: durations.len(),
        p50_seconds: seconds(0.5)?,
        p90_seconds: seconds(0.9)?,
        group: None,
    })
}

#[cfg(test)]
mod tests;
