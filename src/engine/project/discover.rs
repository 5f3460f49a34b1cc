//! Jobs that nobody named, found in the list.
//!
//! Invariant: a job that is found unfinished is watched, and one that both began and ended between two looks is told; what
//! had ended by the first look is history, and never told.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Project;
use crate::config::Discovery;
use crate::engine::memory::{Added, DiscoveryMemory, JobMemory};
use crate::engine::standing::{Ending, Search};
use crate::engine::time::{Instant, Now, wall_between};
use crate::engine::tracker::Findings;
use crate::model::{JobId, Observation};

/// How far ahead of the clock of the API that of this machine may be.
const SKEW: Duration = Duration::from_mins(10);

/// Looks at the whole list take at most this part of the requests that the rate allows.
const SHARE: u32 = 4;

/// What is known for the discovery of jobs.
#[derive(Debug)]
pub(super) struct Finder {
    settings: Discovery,
    /// Jobs that ended earlier are history; so are those that began earlier, where nobody says when they ended.
    since: Timestamp,
    /// By the clock of this process: what ended later is news in any case.
    began: Timestamp,
    /// When the last look ended, by the same.
    looked_until: Option<Timestamp>,
    /// Whether a look came to the end of the list: from then on, what has ended and is not known is news.
    has_baseline: bool,
    /// Jobs that are not to be watched although they are listed: that had ended by the first look, or were forgotten. What
    /// is history by `since` need not be here.
    ignored: BTreeMap<JobId, Timestamp>,
    /// When the next look begins.
    pub(super) look_at: Instant,
    /// No look begins earlier, whatever it is for.
    not_before: Instant,
    /// When the last look began that came to the end of the list.
    looked: Option<Instant>,
    /// Since when there is something that a look has yet to confirm: that there are no other jobs.
    unsure_since: Instant,
}

impl Finder {
    /// Looks from `now` on for what these settings say; `memory` is what was kept. A job may be missing from the list for
    /// the time of `grace` after its start.
    pub(super) fn new(
        settings: Discovery,
        memory: Option<DiscoveryMemory>,
        grace: Duration,
        now: Now,
    ) -> Self {
        let DiscoveryMemory { since, has_baseline, ignored } = memory.unwrap_or_else(|| DiscoveryMemory {
            since: now.wall_at(now.instant.back(grace)),
            has_baseline: false,
            ignored: Vec::new(),
        });
        Self {
            settings,
            since,
            began: now.wall,
            looked_until: None,
            has_baseline,
            ignored: ignored.into_iter().collect(),
            look_at: now.instant,
            not_before: now.instant,
            looked: None,
            // What was begun just before that is not missed, either.
            unsure_since: now.instant + grace,
        }
    }

    /// What is to be kept.
    pub(super) fn remember(&self) -> DiscoveryMemory {
        let ignored = self.ignored.iter().map(|(id, at)| (id.clone(), *at)).collect();
        DiscoveryMemory { since: self.since, has_baseline: self.has_baseline, ignored }
    }

    /// From now on, these settings hold. Where they are others, what had ended by the last look is history: of some of it
    /// nothing was told.
    pub(super) fn reconfigure(&mut self, settings: &Discovery, now: Now) {
        if self.settings != *settings {
            self.settings = settings.clone();
            self.look_at = self.look_at.min(now.instant);
            self.unsure_since = self.unsure_since.max(now.instant);
            self.began = self.looked_until.unwrap_or(now.wall);
            self.since = self.since.max(self.began);
            self.has_baseline = false;
        }
    }

    /// Whether a job that makes this index is looked for.
    pub(super) fn includes(&self, index: Option<&str>) -> bool {
        self.settings.includes(index)
    }

    /// Whether a row is about a job to watch that is not watched. Jobs that ended are known for `keep`: what ended longer
    /// ago may have been told.
    pub(super) fn finds(&mut self, row: &Observation, keep: Duration, now: Now) -> bool {
        if self.ignored.contains_key(&row.id) {
            return false;
        }
        let is_included = self.includes(row.facts.target_index_name.as_deref());
        if Ending::of(&row.status, &row.facts).is_none() {
            return is_included;
        }
        // A restore that failed has no end time.
        let Some(at) = row.facts.completed_at.or(row.facts.created_at) else { return false };
        if !self.has_baseline && at < self.began {
            self.ignored.insert(row.id.clone(), at);
            return false;
        }
        is_included && at >= self.since && wall_between(at, now.wall) < keep
    }

    /// Watches a job no more from `at` on, although it is listed.
    pub(super) fn ignore(&mut self, id: JobId, at: Timestamp) {
        self.ignored.insert(id, at);
    }

    /// The list was read to its end, in so many pages, from `began` on. The next look comes after the longest interval
    /// between polls, or later, if these pages are many for the time between two requests. Returns whether something is to
    /// be kept.
    pub(super) fn looked(
        &mut self,
        began: Instant,
        pages: u32,
        (longest, request): (Duration, Duration),
        keep: Duration,
        now: Now,
    ) -> bool {
        self.looked = Some(began);
        self.looked_until = Some(now.wall);
        self.not_before = (began + request * pages * SHARE).max(now.instant + request);
        self.look_at = self.not_before.max(began + longest);
        if !self.is_sure() {
            self.look_soon();
        }
        let before = self.ignored.len();
        let had_baseline = std::mem::replace(&mut self.has_baseline, true);
        if !had_baseline {
            // By the clock of the API, wherever that says more: this one may be ahead of it. But not by much: a restore
            // that the list did not show is not to be taken for news that ended long before.
            let newest = self.ignored.values().max().copied().unwrap_or(self.since);
            self.since = newest.clamp(self.since - SKEW, self.since);
        }
        let since = self.since;
        self.ignored.retain(|_, at| *at >= since && wall_between(*at, now.wall) < keep);
        !had_baseline || self.ignored.len() < before
    }

    /// The last job that had not ended did: another look is to show whether there are others, and soon.
    pub(super) fn all_ended(&mut self, now: Instant) {
        self.unsure_since = self.unsure_since.max(now);
        self.look_soon();
    }

    fn look_soon(&mut self) {
        self.look_at = self.look_at.min(self.unsure_since.max(self.not_before));
    }

    /// Whether a look that is young enough showed that there are no other jobs.
    pub(super) fn is_sure(&self) -> bool {
        self.looked.is_some_and(|looked| looked >= self.unsure_since)
    }
}

impl Project {
    /// Watches a job that was found in the list. Where it was watched before, `memory` is what is known of it.
    pub(in crate::engine) fn discover(
        &mut self,
        row: Observation,
        memory: Option<JobMemory>,
        began: Instant,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> Option<(JobId, Findings)> {
        let added = Added { discovered: true, ..Added::default() };
        let settings = added.clone().settings(row.id.clone());
        let added = memory.as_ref().and_then(|memory| memory.added.clone()).unwrap_or(added);
        // It may be on a page twice.
        if !self.jobs.contains_key(&row.id) {
            self.insert(settings, memory, now);
            self.jobs.get_mut(&row.id)?.added = Some(added);
            self.changed.insert(row.id.clone());
        }
        self.take_row(row, began, now, rng)
    }

    /// Whether a job that was discovered is still looked for.
    pub(in crate::engine) fn discovers(&self, memory: &JobMemory) -> bool {
        let index = memory.facts.target_index_name.as_deref();
        self.finder.as_ref().is_some_and(|finder| finder.includes(index))
    }

    /// How it stands with the search for jobs.
    pub(in crate::engine) fn search(&self, now: Instant) -> Search {
        let Some(finder) = &self.finder else { return Search::Over };
        let limit = self.watch.unreachable_after;
        match self.list.failing_since {
            _ if self.access.is_refused() => Search::Refused,
            Some(since) if now.since(since) >= limit => Search::Unreachable,
            None if finder.is_sure() => Search::Over,
            _ => Search::UnderWay,
        }
    }
}
