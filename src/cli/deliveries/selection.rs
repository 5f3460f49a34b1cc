//! Which deliveries a command means.

use std::collections::BTreeSet;

use super::args::{Change, FilterArgs};
use crate::adapters::store::{DeliveryAdmin, DeliveryFilter, DeliveryJob, DeliveryRow};
use crate::cli::Failure;
use crate::model::{DeliveryState, EventId, EventIdPrefix, Exit, Reference, Resolution};

/// The deliveries that a change is about: those that match one of the filters.
pub(super) struct Selection(Vec<DeliveryFilter>);

impl Selection {
    /// What the arguments select. Fails if an id is unknown or begins several ids, or if all
    /// deliveries of an id were made, which `too_late` words.
    pub(super) fn new(
        args: &Change,
        deliveries: &dyn DeliveryAdmin,
        too_late: &dyn Fn(&DeliveryRow) -> String,
    ) -> Result<Self, Failure> {
        let filter = args.filter.filter(Purpose::Change, deliveries)?;
        if args.ids.is_empty() {
            let states = if args.every {
                vec![DeliveryState::Pending, DeliveryState::Dead]
            } else {
                vec![DeliveryState::Dead]
            };
            return Ok(Self(vec![DeliveryFilter { states, ..filter }]));
        }

        let of_id = |id: &EventIdPrefix| {
            let of_prefix = DeliveryFilter { id: Some(id.clone()), ..filter.clone() };
            let event = event(id, &deliveries.list(&of_prefix, usize::MAX)?, too_late)?;
            // By its whole id: an event that is emitted meanwhile may begin alike.
            Ok(DeliveryFilter { id: Some(event.into()), ..filter.clone() })
        };
        args.ids.iter().map(of_id).collect::<Result<_, Failure>>().map(Self)
    }

    pub(super) fn filters(&self) -> &[DeliveryFilter] {
        &self.0
    }

    /// The sinks of the deliveries, without those that were made.
    pub(super) fn open_sinks(&self, deliveries: &dyn DeliveryAdmin) -> Result<BTreeSet<String>, Failure> {
        let mut sinks = BTreeSet::new();
        for filter in &self.0 {
            let rows = deliveries.list(filter, usize::MAX)?.into_iter();
            sinks.extend(rows.filter(|row| row.state != DeliveryState::Delivered).map(|row| row.sink));
        }
        Ok(sinks)
    }
}

/// The event that `id` stands for. Of several, it is the one with deliveries that were not made,
/// which are what is listed and changed. Fails if all of its deliveries were made.
fn event(
    id: &EventIdPrefix,
    rows: &[DeliveryRow],
    too_late: &dyn Fn(&DeliveryRow) -> String,
) -> Result<EventId, Failure> {
    let all: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
    let is_open = |row: &&DeliveryRow| row.state != DeliveryState::Delivered;
    let open: BTreeSet<_> = rows.iter().filter(is_open).map(|row| row.id).collect();

    let candidates = if open.is_empty() { &all } else { &open };
    if candidates.len() > 1 {
        let candidates = candidates.iter().map(EventId::to_string).collect();
        return Err(ambiguous(&format!("`{id}` begins the ids of"), "events", candidates));
    }
    let Some(first) = rows.first() else {
        return Err(Failure::new(Exit::Failed, format!("there is no delivery {id}"))
            .with_help("`restore-watch deliveries --all` shows the ids of all deliveries"));
    };
    let late = || Failure::new(Exit::Failed, format!("the delivery {} {}", first.id, too_late(first)));
    open.first().copied().ok_or_else(late)
}

/// What deliveries are selected for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    List,
    /// Which cannot be undone.
    Change,
}

impl FilterArgs {
    /// The filter that these arguments stand for. Fails if the job may be one of several.
    pub(super) fn filter(
        &self,
        purpose: Purpose,
        deliveries: &dyn DeliveryAdmin,
    ) -> Result<DeliveryFilter, Failure> {
        let Self { sink, project, job } = self;
        let job = job.as_deref().map(|job| resolve(job, purpose, deliveries.jobs()?)).transpose()?;
        Ok(DeliveryFilter { sink: sink.clone(), project: project.clone(), job, ..DeliveryFilter::default() })
    }
}

/// The id of the job that a text names. A job without deliveries is no error.
fn resolve(text: &str, purpose: Purpose, mut jobs: Vec<DeliveryJob>) -> Result<String, Failure> {
    let reference = Reference::new(text);
    if purpose == Purpose::Change {
        jobs.retain(|job| reference.is_clear(&job.id, job.name.as_deref()));
    }
    let (found, is_ambiguous) = match reference.resolve(jobs, |job| (&job.id, job.name.as_deref())) {
        Resolution::Found(found) => (found, false),
        Resolution::Ambiguous(found) => (found, true),
    };

    let ids: BTreeSet<_> = found.into_iter().map(|job| job.id).collect();
    if is_ambiguous || ids.len() > 1 {
        return Err(ambiguous(&format!("`{text}` stands for"), "restore jobs", ids));
    }
    Ok(ids.into_iter().next().unwrap_or_else(|| reference.as_str().to_owned()))
}

fn ambiguous(what: &str, several: &str, candidates: BTreeSet<String>) -> Failure {
    const SHOWN: usize = 5;

    let count = candidates.len();
    let mut shown: Vec<_> = candidates.into_iter().take(SHOWN).collect();
    if count > SHOWN {
        shown.push(format!("{} more", count - SHOWN));
    }
    Failure::usage(format!("{what} {count} {several}"))
        .with_help(format!("write more of the id: {}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    const DELIVERED: &str = "01a214f4-c2d7-79bd-9e2f-331b2d96ee87";
    const DEAD: &str = "01a214f4-c2d8-79bd-9e2f-331b2d96ee87";

    fn rows(states: &[(&str, DeliveryState)]) -> Vec<DeliveryRow> {
        let row =
            |(id, state): &(&str, DeliveryState)| DeliveryRow { state: *state, ..row(id, "docs", None) };
        states.iter().map(row).collect()
    }

    fn chosen(prefix: &str, states: &[(&str, DeliveryState)]) -> Result<String, String> {
        let event = event(&prefix.parse().unwrap(), &rows(states), &|_| "was delivered".to_owned());
        event.map(|id| id.to_string()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn prefix_means_the_whole_id_of_the_event_not_delivered() {
        use DeliveryState::{Dead, Delivered, Dropped};

        for open in [Dead, Dropped] {
            assert_eq!(chosen("01a214f4", &[(DELIVERED, Delivered), (DEAD, open)]), Ok(DEAD.to_owned()));
        }
        assert_eq!(chosen(DEAD, &[(DEAD, Delivered), (DEAD, Dead)]), Ok(DEAD.to_owned()));
    }

    #[test]
    fn prefix_of_several_open_or_of_delivered_events_is_refused() {
        use DeliveryState::{Dead, Delivered, Pending};

        let several = chosen("01a214f4", &[(DELIVERED, Pending), (DEAD, Dead)]).unwrap_err();
        assert!(several.contains("begins the ids of 2 events"), "{several}");
        let late = chosen("01a214f4", &[(DELIVERED, Delivered)]).unwrap_err();
        assert!(late.contains(&format!("the delivery {DELIVERED} was delivered")), "{late}");
        assert!(chosen("01a214f4", &[]).unwrap_err().contains("there is no delivery 01a214f4"));
    }

    #[test]
    fn change_takes_no_prefix_but_that_of_a_uuid() {
        let uuid = "670e8400-e29b-41d4-a716-446655440001";
        let job = |id: &str| DeliveryJob { id: id.to_owned(), name: None };
        let jobs = || ["rj-10", "job-10", uuid].map(job).to_vec();
        let resolved = |text, purpose| resolve(text, purpose, jobs()).unwrap();

        assert_eq!(resolved("rj-1", Purpose::Change), "rj-1");
        assert_eq!(resolved("rj-1", Purpose::List), "rj-1");
        assert_eq!(resolved("job-1", Purpose::Change), "job-1");
        assert_eq!(resolved("job-1", Purpose::List), "job-10");
        assert_eq!(resolved("670E", Purpose::Change), uuid);
    }
}
