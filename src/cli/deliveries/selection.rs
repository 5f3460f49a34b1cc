//! Which deliveries a command means.

use std::collections::BTreeSet;

use super::args::{Change, FilterArgs};
use crate::adapters::store::{DeliveryAdmin, DeliveryFilter, DeliveryRow};
use crate::cli::Failure;
use crate::model::{DeliveryState, EventIdPrefix, Exit, Reference, Resolution};

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
        let filter = args.filter.filter(deliveries)?;
        if args.ids.is_empty() {
            let states = if args.every {
                vec![DeliveryState::Pending, DeliveryState::Dead]
            } else {
                vec![DeliveryState::Dead]
            };
            return Ok(Self(vec![DeliveryFilter { states, ..filter }]));
        }

        let of_id = |id: &EventIdPrefix| {
            let filter = DeliveryFilter { id: Some(id.clone()), ..filter.clone() };
            check(id, &deliveries.list(&filter, usize::MAX)?, too_late)?;
            Ok(filter)
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

/// Checks that `id` stands for one event, and that not all of its deliveries were made.
fn check(
    id: &EventIdPrefix,
    rows: &[DeliveryRow],
    too_late: &dyn Fn(&DeliveryRow) -> String,
) -> Result<(), Failure> {
    let events: BTreeSet<_> = rows.iter().map(|row| row.id.to_string()).collect();
    if events.len() > 1 {
        return Err(ambiguous(&format!("`{id}` begins the ids of"), "events", events));
    }
    let Some(first) = rows.first() else {
        return Err(Failure::new(Exit::Failed, format!("there is no delivery {id}"))
            .with_help("`restore-watch deliveries --all` shows the ids of all deliveries"));
    };
    if rows.iter().all(|row| row.state == DeliveryState::Delivered) {
        return Err(Failure::new(Exit::Failed, format!("the delivery {} {}", first.id, too_late(first))));
    }
    Ok(())
}

impl FilterArgs {
    /// The filter that these arguments stand for. Fails if the job is not one that the deliveries
    /// are about.
    pub(super) fn filter(&self, deliveries: &dyn DeliveryAdmin) -> Result<DeliveryFilter, Failure> {
        let Self { sink, project, job } = self;
        let job = job.as_deref().map(|job| resolve(job, deliveries)).transpose()?;
        Ok(DeliveryFilter { sink: sink.clone(), project: project.clone(), job, ..DeliveryFilter::default() })
    }
}

/// The id of the job that a text names. A job without deliveries is no error.
fn resolve(text: &str, deliveries: &dyn DeliveryAdmin) -> Result<String, Failure> {
    let reference = Reference::new(text);
    let jobs = deliveries.jobs()?;
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
