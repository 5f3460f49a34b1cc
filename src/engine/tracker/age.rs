//! How old a job is.
//!
//! Invariant: the age goes on with the monotonic clock. It is set by the clock of the job's server
//! alone, as soon as that is known: no clock of this machine says how much time passed while no
//! process ran.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::time::{Instant, Now, ServerClock, before, wall_between};

/// How far the age may be from what an answer says before it is corrected: answers take their time.
const SLACK: Duration = Duration::from_secs(5);

/// The age of a job; before its start is known, the time that it is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Age {
    /// When it was zero.
    began: Instant,
    /// The same by the clock of the job's server, if that is known.
    started_at: Option<Timestamp>,
    /// Whether an answer to this process has said how old the job is.
    is_dated: bool,
}

impl Age {
    /// A job that is watched from now on.
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, started_at: None, is_dated: false }
    }

    /// A job that was this old when it was recorded, which counts as now.
    pub(super) fn restored(age: Duration, started_at: Option<Timestamp>, now: Instant) -> Self {
        Self { began: now.back(age), started_at, is_dated: false }
    }

    pub(super) fn at(self, now: Instant) -> Duration {
        now.since(self.began)
    }

    /// When the job has this age.
    pub(super) fn reached_at(self, age: Duration) -> Instant {
        self.began + age
    }

    /// When it was zero, by the monotonic clock.
    pub(super) fn began(self) -> Instant {
        self.began
    }

    /// When it was zero, by the clock of the job's server.
    pub(super) fn started_at(self) -> Option<Timestamp> {
        self.started_at
    }

    /// Corrects the age by an answer that has just come. If the server does not say the time, this
    /// machine's clock does for a job of which nothing is known yet.
    pub(super) fn date(&mut self, created_at: Option<Timestamp>, now: Now, server: ServerClock) {
        let time = server.time_by(now);
        let is_known = self.started_at.is_some();
        let by_server = time.map(|time| before(time, self.at(now.instant)));
        self.started_at = created_at.or(self.started_at).or(by_server);

        let time = time.or((!is_known).then_some(now.wall));
        let Some((started_at, time)) = self.started_at.zip(time) else { return };

        let age = wall_between(started_at, time);
        if !self.is_dated || age.abs_diff(self.at(now.instant)) > SLACK {
            self.began = now.instant.back(age);
            self.is_dated = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn noon() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn now(seconds: u64) -> Now {
        let elapsed = Duration::from_secs(seconds);
        Now { instant: Instant::after_start(elapsed), wall: noon() + elapsed }
    }

    /// The clock of a server that is an hour ahead.
    fn ahead(now: Now) -> ServerClock {
        let mut server = ServerClock::default();
        server.set(now.wall + HOUR, now.instant);
        server
    }

    #[test]
    fn the_watch_counts_until_the_start_is_known() {
        let age = Age::new(now(10).instant);

        assert_eq!(age.at(now(70).instant), Duration::from_mins(1));
        assert_eq!(age.reached_at(HOUR), now(3610).instant);
    }

    #[test]
    fn the_clock_of_the_server_dates_a_job() {
        let mut age = Age::new(now(0).instant);

        age.date(Some(noon()), now(60), ahead(now(60)));

        assert_eq!(age.at(now(60).instant), HOUR + Duration::from_mins(1));
    }

    #[test]
    fn a_new_job_is_dated_by_this_machine_if_need_be() {
        let mut age = Age::new(now(0).instant);

        age.date(Some(noon() - HOUR), now(0), ServerClock::default());

        assert_eq!(age.at(now(0).instant), HOUR);
    }

    #[test]
    fn a_known_job_is_dated_by_its_server_alone() {
        let mut age = Age::restored(HOUR, Some(noon() - 3 * HOUR), now(0).instant);

        age.date(None, now(0), ServerClock::default());
        assert_eq!(age.at(now(0).instant), HOUR);

        age.date(None, now(0), ahead(now(0)));
        assert_eq!(age.at(now(0).instant), 4 * HOUR);
    }

    #[test]
    fn small_differences_correct_nothing() {
        let mut age = Age::new(now(0).instant);
        age.date(Some(noon()), now(0), ServerClock::default());

        let mut server = ServerClock::default();
        server.set(noon() + Duration::from_secs(4), now(0).instant);
        age.date(Some(noon()), now(0), server);
        assert_eq!(age.at(now(0).instant), Duration::ZERO);

        server.set(noon() + Duration::from_secs(6), now(0).instant);
        age.date(Some(noon()), now(0), server);
        assert_eq!(age.at(now(0).instant), Duration::from_secs(6));
    }
}
