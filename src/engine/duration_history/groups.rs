//! The groups that the restores of a project make up: those of one backup, and those into indexes
//! of one name.
//!
//! Invariant: a group is known if enough restores of it are kept, and it has no others.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::lagging::Lagging;
use crate::engine::Fingerprint;
use crate::engine::hazard::Hazard;
use crate::engine::snapshot::{Origin, PastRestore};
use crate::model::{JobFacts, RestoreGroup};

/// The restores of a backup are a group of their own if at least this many are kept. The name of
/// the index says more if there are fewer: a nightly backup is restored once or twice.
const MIN_RESTORES_OF_BACKUP: usize = 3;

/// What the restores of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum GroupKey {
    Backup(Fingerprint),
    Index(Fingerprint),
}

impl GroupKey {
    /// The group for people, as the facts of one of its restores have it.
    pub(in crate::engine) fn name(self, facts: &JobFacts) -> Option<RestoreGroup> {
        Some(match self {
            Self::Backup(_) => RestoreGroup::Backup(facts.backup_id.clone()?),
            Self::Index(_) => RestoreGroup::of_index(facts.target_index_name.as_deref()?),
        })
    }

    /// The groups that a restore may belong to.
    fn all_of(origin: Origin) -> impl Iterator<Item = Self> {
        origin.backup.map(Self::Backup).into_iter().chain(origin.index.map(Self::Index))
    }

    fn has(self, origin: Origin) -> bool {
        Self::all_of(origin).any(|group| group == self)
    }

    fn min_restores(self) -> usize {
        match self {
            Self::Backup(_) => MIN_RESTORES_OF_BACKUP,
            Self::Index(_) => 1,
        }
    }
}

/// Some restores, and what follows from them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// How many.
    pub(super) restores: usize,
    /// The shortest first.
    durations: OnceCell<Vec<Duration>>,
    pub(super) hazard: Lagging<Hazard>,
}

impl Sample {
    pub(super) fn of(restores: usize) -> Self {
        Self { restores, ..Self::default() }
    }

    /// Other restores belong to it: `restores` in all.
    pub(super) fn on_change(&mut self, restores: usize) {
        self.restores = restores;
        self.durations.take();
        self.hazard.on_change(restores);
    }

    /// Sorted when that is asked for: many may complete before.
    pub(super) fn durations(&self, restores: impl Iterator<Item = PastRestore>) -> &[Duration] {
        self.durations.get_or_init(|| {
            let mut durations: Vec<_> = restores.map(|restore| Duration::from_millis(restore.took)).collect();
            durations.sort_unstable();
            durations
        })
    }
}

/// The groups that are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups(BTreeMap<GroupKey, Sample>);

impl Groups {
    /// All groups of these restores.
    pub(super) fn of(past: &[PastRestore]) -> Self {
        let mut groups = Self::default();
        for restore in past {
            groups.on_change(restore.origin, past);
        }
        groups
    }

    /// A restore of this origin was learned or forgotten, and `past` are all of now.
    pub(super) fn on_change(&mut self, origin: Origin, past: &[PastRestore]) {
        for group in GroupKey::all_of(origin) {
            let restores = members(group, past).count();
            if restores < group.min_restores() {
                self.0.remove(&group);
            } else {
                self.0.entry(group).or_default().on_change(restores);
            }
        }
    }

    /// The group by which a restore is judged, if there is one.
    pub(super) fn group(&self, origin: Origin) -> Option<(GroupKey, &Sample)> {
        GroupKey::all_of(origin).find_map(|group| Some((group, self.0.get(&group)?)))
    }

    /// The hazards follow from other restores of the project, too, and those changed.
    pub(super) fn drop_hazards(&mut self) {
        self.0.values_mut().for_each(|sample| sample.hazard.clear());
    }
}

/// The restores of a group.
pub(super) fn members(group: GroupKey, past: &[PastRestore]) -> impl Iterator<Item = PastRestore> {
    past.iter().copied().filter(move |restore| group.has(restore.origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(backup: &str, index: &str) -> JobFacts {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        JobFacts { backup_id: given(backup), target_index_name: given(index), ..JobFacts::default() }
    }

    fn restores(of: &[(&str, &str)]) -> Vec<PastRestore> {
        let restore = |(completed, (backup, index)): (i64, &(&str, &str))| PastRestore {
            completed,
            took: 1000,
            origin: Origin::of(&facts(backup, index)),
        };
        (0..).zip(of).map(restore).collect()
    }

    /// The group of a restore, and how many are in it.
    fn group(groups: &Groups, backup: &str, index: &str) -> Option<(String, usize)> {
        let facts = facts(backup, index);
        let (key, sample) = groups.group(Origin::of(&facts))?;
        Some((key.name(&facts).unwrap().to_string(), sample.restores))
    }

    #[test]
    fn indexes_group_by_their_stem() {
        let groups =
            Groups::of(&restores(&[("", "Orders-2026-11-24"), ("", "orders-2026-11-25"), ("", "docs")]));

        assert_eq!(group(&groups, "", "ORDERS-3f9a2c"), Some(("orders".to_owned(), 2)));
        assert_eq!(group(&groups, "", "docs"), Some(("docs".to_owned(), 1)));
        assert_eq!(group(&groups, "", "users"), None);
        assert_eq!(group(&groups, "", ""), None);
    }

    #[test]
    fn a_backup_is_a_group_once_three_restores_are_kept() {
        let three = restores(&[("a", "orders"), ("a", "orders"), ("b", "orders"), ("a", "staging")]);

        let [two, three] = [&three[..3], &three[..]].map(Groups::of);

        assert_eq!(group(&two, "a", "orders"), Some(("orders".to_owned(), 3)));
        assert_eq!(group(&three, "a", "orders"), Some(("backup a".to_owned(), 3)));
        assert_eq!(group(&three, "b", "orders"), Some(("orders".to_owned(), 3)), "whatever their backup");
    }

    #[test]
    fn forgotten_restores_leave_their_groups() {
        let mut past = restores(&[("a", "orders"), ("a", "orders"), ("a", "docs")]);
        let mut groups = Groups::of(&past);

        let forgotten = past.remove(2);
        groups.on_change(forgotten.origin, &past);

        assert_eq!(group(&groups, "a", "docs"), None);
        assert_eq!(group(&groups, "a", "orders"), Some(("orders".to_owned(), 2)));
    }
}
