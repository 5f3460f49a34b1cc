//! A time in which a replica that stands by cannot look at the lease.
//!
//! Invariant: each reason is logged once while it lasts, up to a bound, and its end is logged.

use std::collections::BTreeSet;

use tracing::{error, info};

use crate::adapters::store::{OpenError, OpenErrorClass};
use crate::model::duration;
use crate::model::time::Instant;

/// How many reasons are logged: the text of one may be another each time, with the time in it.
const MOST_REASONS: usize = 20;

pub(super) struct Outage {
    since: Instant,
    /// The last reason.
    class: OpenErrorClass,
    /// What was logged.
    logged: BTreeSet<String>,
}

impl Outage {
    /// A look failed for this reason, maybe as those before it.
    pub(super) fn note(outage: &mut Option<Self>, error: &OpenError, now: Instant) {
        let known =
            outage.get_or_insert_with(|| Self { since: now, class: error.class, logged: BTreeSet::new() });
        known.class = error.class;
        if known.logged.len() < MOST_REASONS && known.logged.insert(error.message.clone()) {
            error!("this replica cannot take over: {}; {}", error.message, error.help);
        }
    }

    /// A look succeeded.
    pub(super) fn end(self, now: Instant) {
        let lasted = now.since(self.since);
        info!(
            lasted = lasted.as_secs_f64(),
            "this replica can take over again, after {}",
            duration::human(lasted)
        );
    }

    /// What is wrong, without the place of the state.
    pub(super) fn trouble(&self) -> String {
        let trouble = match self.class {
            OpenErrorClass::Unreachable => "the state cannot be reached",
            _ => "the state cannot be used",
        };
        trouble.to_owned()
    }
}
