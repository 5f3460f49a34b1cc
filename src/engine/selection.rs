//! The jobs that a short report shows: of each section the few that tell the most.
//!
//! Invariant: a selection holds no more jobs of a section than it lists or leaves out, however many
//! were offered, and counts all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::JobKey;
use super::project::JobView;
use crate::model::time::{Now, wall_between};
use crate::model::{OutcomeCounts, Section};

/// Chooses some of the jobs that it is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    limits: Limits,
    /// The jobs of each section, the ones that tell the most first.
    chosen: BTreeMap<Section, BTreeSet<(Duration, JobKey)>>,
    offered: OutcomeCounts,
}

/// How many jobs are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of jobs of each section.
    pub of_section: usize,
    /// None that ended well longer ago than this.
    pub ended_within: Option<Duration>,
    /// If given, the maximum is of all sections together, after this many jobs of them in their
    /// order: a page of a long list.
    pub skip: Option<usize>,
}

impl Selection {
    pub fn new(limits: Limits) -> Self {
        Self { limits, chosen: BTreeMap::new(), offered: OutcomeCounts::default() }
    }

    /// How many jobs were offered, by outcome.
    pub fn offered(&self) -> OutcomeCounts {
        self.offered
    }

    /// The chosen jobs, by project and id.
    pub fn jobs(&self) -> BTreeSet<&JobKey> {
        let keys = self.chosen.values().flatten().map(|(_, key)| key);
        match self.limits.skip {
            Some(skip) => keys.skip(skip).take(self.limits.of_section).collect(),
            None => keys.collect(),
        }
    }

    /// Takes a job into account.
    pub(super) fn offer(&mut self, view: &JobView<'_>, now: Now) {
        let outcome = view.outcome();
        self.offered.add(outcome, 1);

        let ended = view.tracker.ended_at().map(|at| wall_between(at, now.wall));
        let rank = match (outcome.section(), ended) {
            (Section::Succeeded, Some(ended))
                if self.limits.ended_within.is_some_and(|most| ended > most) =>
            {
                return;
            }
            // What lasts comes before what is over, and of that the newest.
            (Section::Failed | Section::Succeeded, ended) => ended.unwrap_or_default(),
            // The longest running.
            (Section::Running, _) => Duration::MAX.saturating_sub(view.tracker.age(now.instant)),
        };

        let chosen = self.chosen.entry(outcome.section()).or_default();
        let is_full = chosen.len() >= self.limits.kept_of_section();
        if is_full && chosen.last().is_none_or(|(last, _)| *last <= rank) {
            return;
        }
        chosen.insert((rank, view.key()));
        if is_full {
            chosen.pop_last();
        }
    }
}

impl Limits {
    /// The most jobs of one section that a page can reach into.
    fn kept_of_section(self) -> usize {
        self.skip.unwrap_or_default().saturating_add(self.of_section)
    }
}
