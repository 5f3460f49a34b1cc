//! What the restores that ended say, by project or by index: how many failed, and how long the
//! others took.
//!
//! Invariant: only exact durations count, and only those of restores that ended well. A bound is no
//! duration, and one that failed early is not fast.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::DateTime;
use super::{
    DurationStats, Elapsed, EndedRestore, Outcome, OutcomeCounts, ProjectName, RestoreGroup, natural_order,
    time,
};

/// Statistics of restores that ended.
// The comments of the fields are the descriptions of the published schema.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Stats {
    /// Only restores whose end was observed since then are in it; `null` if all are.
    #[serde(serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    pub since: Option<Timestamp>,
    /// The groups, by project and index.
    pub groups: Vec<RestoreStats>,
}

/// The restores of a group.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RestoreStats {
    /// The project of the restores.
    pub project: ProjectName,
    /// What the names of their indexes have in common: a name in lower case, without its endings of
    /// digits, dates and hex. `null` if they are all restores of the project or, by index, if the
    /// name is not known.
    pub index: Option<String>,
    /// How many ended: the sum of those below.
    pub ended: usize,
    /// How many of them ended well.
    pub completed: usize,
    /// How many of them failed, or made an index that does not become ready.
    pub failed: usize,
    /// How many of them were cancelled.
    pub cancelled: usize,
    /// How many of them ended in a state that this version does not know.
    pub unrecognised: usize,
    /// The share that failed of those that completed or failed, 0 to 1; `null` if none did.
    pub failed_share: Option<f64>,
    #[serde(flatten)]
    pub took: DurationStats,
}

/// What makes a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsBy {
    Project,
    /// The name of the index, without what tells one of many.
    Index,
}

impl RestoreStats {
    /// The statistics of each group of these restores, by project and index.
    pub fn of<'a>(restores: impl IntoIterator<Item = &'a EndedRestore>, by: StatsBy) -> Vec<Self> {
        let mut groups = BTreeMap::<_, Vec<_>>::new();
        for restore in restores {
            let name = restore.job.facts.target_index_name.as_deref();
            let index = match (by, name.map(RestoreGroup::of_index)) {
                (StatsBy::Index, Some(RestoreGroup::Index(stem))) => Some(stem),
                _ => None,
            };
            groups.entry((restore.project.clone(), index)).or_default().push(restore);
        }

        let group =
            |((project, index), restores): ((_, _), Vec<_>)| Self::of_group(project, index, &restores);
        let mut groups: Vec<_> = groups.into_iter().map(group).collect();
        groups.sort_by(|a, b| {
            let names = |stats: &Self| stats.index.clone().unwrap_or_default();
            a.project.cmp(&b.project).then_with(|| natural_order(&names(a), &names(b)))
        });
        groups
    }

    fn of_group(project: ProjectName, index: Option<String>, restores: &[&EndedRestore]) -> Self {
        let mut outcomes = OutcomeCounts::default();
        for restore in restores {
            outcomes.add(restore.outcome, 1);
        }
        let completed = outcomes.count(Outcome::is_success);
        let failed = outcomes.count(|outcome| matches!(outcome, Outcome::Failed | Outcome::NotReady));
        let took = restores.iter().filter(|restore| restore.outcome.is_success());
        let took = took.filter_map(|restore| match restore.elapsed {
            Elapsed::Exact(elapsed) => Some(elapsed),
            Elapsed::AtMost { .. } | Elapsed::Unknown => None,
        });

        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let share = failed as f64 / (completed + failed) as f64;
        Self {
            project,
            index,
            ended: restores.len(),
            completed,
            failed,
            cancelled: outcomes.of(Outcome::Cancelled),
            unrecognised: outcomes.of(Outcome::Unrecognised),
            failed_share: (completed + failed > 0).then_some(share),
            took: DurationStats::of(took.collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{DeliveryCounts, JobFacts, JobId, JobRef};

    fn restore(project: &str, index: Option<&str>, outcome: Outcome, elapsed: Elapsed) -> EndedRestore {
        let facts = JobFacts { target_index_name: index.map(str::to_owned), ..JobFacts::default() };
        EndedRestore {
            project: ProjectName::new(project),
            job: JobRef { id: JobId::new("rj-1").unwrap(), name: None, facts },
            outcome,
            end_observed_at: Timestamp::UNIX_EPOCH,
            elapsed,
            detection_delay_seconds: None,
            deliveries: DeliveryCounts::default(),
        }
    }

    fn exact(seconds: u64) -> Elapsed {
        Elapsed::Exact(Duration::from_secs(seconds))
    }

    #[test]
    fn restores_are_grouped_by_project_or_by_the_stem_of_their_index() {
        let restores = [
            restore("b", Some("orders-2026-11-25"), Outcome::Completed, exact(10)),
            restore("b", Some("Orders-2026-11-26"), Outcome::Completed, exact(20)),
            restore("b", Some("docs"), Outcome::Completed, exact(30)),
            restore("b", None, Outcome::Completed, exact(40)),
            restore("a", Some("docs"), Outcome::Completed, exact(50)),
        ];
        let groups = |by| -> Vec<_> {
            let stats = RestoreStats::of(&restores, by).into_iter();
            stats.map(|group| (group.project.to_string(), group.index, group.took.measured)).collect()
        };
        let group = |project: &str, index: Option<&str>, measured| {
            (project.to_owned(), index.map(str::to_owned), measured)
        };

        assert_eq!(groups(StatsBy::Project), [group("a", None, 1), group("b", None, 4)]);
        assert_eq!(
            groups(StatsBy::Index),
            [
                group("a", Some("docs"), 1),
                group("b", None, 1),
                group("b", Some("docs"), 1),
                group("b", Some("orders"), 2)
            ]
        );
    }

    #[test]
    fn bounds_and_failures_are_no_durations() {
        let bound = Elapsed::AtMost { bound: Duration::from_secs(9), seen_running: None };
        let restores = [
            restore("a", None, Outcome::Completed, exact(60)),
            restore("a", None, Outcome::Ready, exact(80)),
            restore("a", None, Outcome::Completed, Elapsed::Unknown),
            restore("a", None, Outcome::Failed, bound),
            restore("a", None, Outcome::NotReady, exact(7)),
            restore("a", None, Outcome::Cancelled, bound),
            restore("a", None, Outcome::Unrecognised, exact(5)),
        ];

        let stats = RestoreStats::of(&restores, StatsBy::Project).remove(0);

        assert_eq!((stats.ended, stats.completed, stats.failed, stats.cancelled), (7, 3, 2, 1));
        assert_eq!(stats.failed_share, Some(0.4));
        assert_eq!((stats.took.measured, stats.took.p50), (2, Some(Duration::from_mins(1))));
    }

    #[test]
    fn each_restore_that_ended_is_in_one_figure() {
        let ended = Outcome::ALL.into_iter().filter(|outcome| outcome.is_final());
        let restores: Vec<_> = ended.map(|outcome| restore("a", None, outcome, exact(1))).collect();

        let stats = RestoreStats::of(&restores, StatsBy::Project).remove(0);

        let figures = [stats.completed, stats.failed, stats.cancelled, stats.unrecognised];
        assert_eq!((stats.ended, figures), (restores.len(), [2, 2, 1, 1]));
    }

    #[test]
    fn without_restores_that_completed_or_failed_there_is_no_share() {
        let cancelled = [restore("a", None, Outcome::Cancelled, Elapsed::Unknown)];

        assert_eq!(RestoreStats::of(&cancelled, StatsBy::Project)[0].failed_share, None);
        assert_eq!(RestoreStats::of(&[], StatsBy::Index), []);
    }
}
