//! Which job of the project is polled next, and when.
//!
//! Invariant: a job that has not ended is either in flight or in the queue; nothing is asked before the allowance lets it
//! through or while the server asked to be left alone.

use std::time::Duration;

use super::page::pressing;
use super::{Choice, Polling, Project, Request};
use crate::model::JobId;
use crate::model::time::{Instant, earliest};

/// How many polls of a project may be under way at once: a server that hangs costs no more connections than this.
const MAX_IN_FLIGHT: usize = 64;

/// So many of the jobs that are due are compared for which is the most pressing.
const COMPARED: usize = 256;

impl Project {
    /// The earliest time at which [`Project::take_due`] or [`Project::take_alarms`] has something.
    pub(in crate::engine) fn next_deadline(&self) -> Option<Instant> {
        let poll = self.next_poll();
        let alarm = self.alarms.first().map(|(at, _)| *at).filter(|_| self.is_listening());
        earliest([poll, alarm])
    }

    /// Whether silence means anything: a refused key says nothing about the jobs, and nor does one that is not used.
    pub(super) fn is_listening(&self) -> bool {
        self.access.is_accepted() && self.paused_since.is_none()
    }

    /// When the next poll begins, if nothing else happens.
    pub(in crate::engine) fn next_poll(&self) -> Option<Instant> {
        let job = self.queue.first_key_value().map(|((due, _), _)| *due).filter(|_| self.has_room());
        let next =
            earliest([job, self.list_due(), self.lesson_due()]).filter(|_| self.paused_since.is_none());
        next.map(|due| due.max(self.not_before()))
    }

    /// Whether one more job can be polled.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight < if self.access.is_accepted() { MAX_IN_FLIGHT } else { 1 }
    }

    /// The job whose poll is the most overdue, in the intervals that they were to wait, and how much that is: where more
    /// is due than the rate allows, all intervals are stretched alike by this.
    pub(super) fn most_pressing(&self, now: Instant) -> Option<(JobId, f64)> {
        if !self.has_room() {
            return None;
        }
        if let Some((_, id)) = self.urgent.first().filter(|(due, _)| *due <= now) {
            return Some((id.clone(), f64::INFINITY));
        }
        let due = self.queue.iter().take_while(|((due, _), _)| *due <= now).take(COMPARED);
        let mut most: Option<(&JobId, f64)> = None;
        for ((due, id), pace) in due {
            let pressing = pressing(*due, *pace, now);
            if most.is_none_or(|(_, most)| pressing > most) {
                most = Some((id, pressing));
            }
        }
        most.map(|(id, pressing)| (id.clone(), pressing))
    }

    /// The earliest time at which the project may be asked anything.
    pub(super) fn not_before(&self) -> Instant {
        self.held_until.max(self.adaptive_rate.ready_at())
    }

    /// What to ask for at `now`; the request is to have this generation.
    pub(in crate::engine) fn take_due(&mut self, now: Instant, generation: u64) -> Option<Request> {
        if self.next_poll()? > now {
            return None;
        }
        let choice = self.choose(now)?;
        self.adaptive_rate.take(now);
        let id = match choice {
            Choice::Page { of } => return Some(Request::Page(self.list.ask(of, now, generation))),
            Choice::Job(id) => id,
        };
        self.in_flight += 1;
        let job = self.jobs.get_mut(&id)?;
        job.polls += 1;
        job.polling = Some(Polling { since: now, generation });
        self.schedule(&id, None);
        Some(Request::Job(id))
    }

    /// The job that has been due first.
    pub(super) fn first(&self) -> Option<(Instant, JobId)> {
        self.queue.first_key_value().map(|(first, _)| first.clone())
    }

    /// How long it takes to poll each open job once, from `now` on, and the indexes of those that may turn out to have
    /// completed.
    pub(in crate::engine) fn round_takes(&self, now: Instant) -> Duration {
        let indexes = self.jobs.values().filter(|job| job.tracker.may_turn_to_index()).count();
        let open = u32::try_from(self.open() + indexes).unwrap_or(u32::MAX);
        self.adaptive_rate.time_for(open, now)
    }

    /// How many jobs have not ended.
    pub(in crate::engine) fn open(&self) -> usize {
        self.queue.len() + self.in_flight
    }

    /// Whether a poll is under way, or one begins until `at`.
    pub(in crate::engine) fn polls_until(&self, at: Instant) -> bool {
        self.in_flight > 0 || self.next_poll().is_some_and(|next| next <= at)
    }

    /// Schedules a job after a poll that began at `began`, with a last look in mind.
    pub(super) fn schedule_after(&mut self, id: &JobId, began: Instant, due: Option<Instant>, now: Instant) {
        let due = match self.final_poll {
            Some(asked) if began >= asked => None,
            Some(_) => due.map(|_| now),
            None => due,
        };
        if let Some((due, throttle)) = due.zip(self.throttled.clone())
            && due < throttle.until
        {
            self.starve(id, due, &throttle.reason);
        }
        self.schedule_by(id, due, due.map(|due| due.since(now)).unwrap_or_default());
    }

    /// Puts a job at its places in the queue and among the alarms. It was to wait as long as before.
    pub(super) fn schedule(&mut self, id: &JobId, due: Option<Instant>) {
        let pace = self.jobs.get(id).map(|job| job.pace).unwrap_or_default();
        self.schedule_by(id, due, pace);
    }

    /// The same for a job that was to wait for so long.
    pub(super) fn schedule_by(&mut self, id: &JobId, due: Option<Instant>, pace: Duration) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.pace = pace;
        let alarm = job.tracker.alarm_at(job.polling.is_some());
        if let Some(old) = std::mem::replace(&mut job.due, due) {
            let left = (old, id.clone());
            self.queue.remove(&left);
            self.urgent.remove(&left);
        }
        if let Some(old) = std::mem::replace(&mut job.alarm, alarm) {
            self.alarms.remove(&(old, id.clone()));
        }
        self.queue.extend(due.map(|due| ((due, id.clone()), pace)));
        self.urgent.extend(due.filter(|_| pace.is_zero()).map(|due| (due, id.clone())));
        self.alarms.extend(alarm.map(|alarm| (alarm, id.clone())));
    }
}
