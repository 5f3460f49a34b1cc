//! When each job of a project is polled next, and when time alone brings something about.
//!
//! Invariant: an open job waits for a poll of its own, waits for a scan of the list that covers it,
//! or is in flight. The queues and the alarms hold exactly what the places of the jobs say, because
//! only this file moves a [`Place`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::coverage::{Coverage, Listed, Rows};
use crate::model::JobId;
use crate::model::time::Instant;

/// How many polls of a project may be under way at once: a server that hangs costs no more
/// connections than this.
const MAX_IN_FLIGHT: usize = 64;

/// How many of the jobs that are due are compared to find the most urgent one.
const MAX_COMPARED: usize = 256;

/// The order in which the jobs of a project are polled.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// The jobs that wait for a poll of their own, by when it is due, with the time they were to
    /// wait.
    queue: BTreeMap<(Instant, JobId), Duration>,
    /// Those of them that are polled before all others.
    urgent: BTreeSet<(Instant, JobId)>,
    /// The jobs that wait for a scan, by when they would be polled without the list, and by when
    /// they were described.
    covered: BTreeSet<(Instant, JobId)>,
    audits: BTreeSet<(Instant, JobId)>,
    coverage: Coverage,
    alarms: BTreeSet<(Instant, JobId)>,
    in_flight: usize,
    /// When a final poll of each job was requested: polls that began earlier do not count as it.
    final_poll: Option<Instant>,
}

/// A job's place in the schedule.
#[derive(Debug, Default)]
pub(super) struct Place {
    due: Option<Instant>,
    /// How long it was to wait when `due` was decided; zero if it is polled before all others.
    pace: Duration,
    alarm: Option<Instant>,
    polling: Option<Polling>,
    listed: Listed,
    /// When it was described, while it waits for a scan.
    described_at: Option<Instant>,
}

/// A poll under way.
#[derive(Debug, Clone, Copy)]
struct Polling {
    since: Instant,
    generation: u64,
}

/// When a job is polled next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Option<Instant>,
    pub(super) pace: Duration,
}

impl Place {
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn pace(&self) -> Duration {
        self.pace
    }

    pub(super) fn is_polling(&self) -> bool {
        self.polling.is_some()
    }

    /// When the job is polled next, or when the poll under way began.
    pub(super) fn due_or_polled(&self) -> Option<Instant> {
        self.due.or(self.polling.map(|polling| polling.since))
    }

    /// The poll under way began later by this: nothing could be done meanwhile.
    pub(super) fn shift_by(&mut self, time: Duration) {
        if let Some(polling) = &mut self.polling {
            polling.since = polling.since + time;
        }
    }

    /// Whether the job waits for a scan of the list.
    pub(super) fn is_covered(&self) -> bool {
        self.described_at.is_some()
    }

    /// The page of the list on which the job was seen last.
    pub(super) fn page(&self) -> Option<usize> {
        self.listed.page()
    }
}

impl Schedule {
    /// Moves a job to its places in a queue and among the alarms. `rows` says whether it may wait
    /// for a scan.
    pub(super) fn put(
        &mut self,
        id: &JobId,
        place: &mut Place,
        due: Due,
        rows: Rows,
        alarm: Option<Instant>,
    ) {
        self.withdraw(id, place);
        place.pace = due.pace;
        match due.at {
            Some(at) => self.enqueue(id, place, at, rows),
            None if place.is_polling() => {}
            // It ended, so no row is expected any more.
            None => self.coverage.locate(id, &mut place.listed, None, Instant::default()),
        }

        if place.alarm != alarm {
            if let Some(old) = std::mem::replace(&mut place.alarm, alarm) {
                self.alarms.remove(&(old, id.clone()));
            }
            self.alarms.extend(alarm.map(|alarm| (alarm, id.clone())));
        }
    }

    /// A job is seen on this page of the list, or no longer expected on any. Returns whether that
    /// is new: then it is to be put again.
    pub(super) fn locate(
        &mut self,
        id: &JobId,
        place: &mut Place,
        page: Option<usize>,
        now: Instant,
    ) -> bool {
        if place.listed.page() == page {
            place.listed.see();
            return false;
        }
        self.coverage.discount(&mut place.listed);
        self.coverage.locate(id, &mut place.listed, page, now);
        true
    }

    /// A scan did not show a job on the page where it was expected. Returns whether it is no longer
    /// expected there.
    pub(super) fn miss(place: &mut Place) -> bool {
        place.listed.miss()
    }

    pub(super) fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    pub(super) fn coverage_mut(&mut self) -> &mut Coverage {
        &mut self.coverage
    }

    /// When the description was answered of the covered job that was described first.
    pub(super) fn first_audit(&self) -> Option<(Instant, &JobId)> {
        self.audits.first().map(|(described_at, id)| (*described_at, id))
    }

    fn enqueue(&mut self, id: &JobId, place: &mut Place, at: Instant, rows: Rows) {
        place.due = Some(at);
        place.described_at = self.coverage.count(&mut place.listed, place.pace, rows);
        if let Some(described_at) = place.described_at {
            self.covered.insert((at, id.clone()));
            self.audits.insert((described_at, id.clone()));
            return;
        }

        self.queue.insert((at, id.clone()), place.pace);
        if place.pace.is_zero() {
            self.urgent.insert((at, id.clone()));
        }
    }

    fn withdraw(&mut self, id: &JobId, place: &mut Place) {
        let Some(due) = place.due.take() else { return };
        self.coverage.discount(&mut place.listed);
        let left = (due, id.clone());
        if let Some(described_at) = place.described_at.take() {
            self.covered.remove(&left);
            self.audits.remove(&(described_at, left.1));
            return;
        }

        self.queue.remove(&left);
        if place.pace.is_zero() {
            self.urgent.remove(&left);
        }
    }

    /// A poll of a job begins; the job leaves the queue by [`Schedule::put`].
    pub(super) fn start(&mut self, place: &mut Place, now: Instant, generation: u64) {
        self.in_flight += 1;
        place.polling = Some(Polling { since: now, generation });
    }

    /// A poll ends. Returns when it began; nothing if it is not the one under way.
    pub(super) fn finish(&mut self, place: &mut Place, generation: u64) -> Option<Instant> {
        let polling = place.polling.take_if(|polling| polling.generation == generation)?;
        self.in_flight -= 1;
        Some(polling.since)
    }

    /// Removes a job. An answer to a poll that is under way does not count.
    pub(super) fn remove(&mut self, id: &JobId, place: &mut Place) {
        self.in_flight -= usize::from(place.polling.take().is_some());
        self.put(id, place, Due::default(), Rows::Ignored, None);
    }

    /// Ends all polling. Answers to polls under way do not count.
    pub(super) fn stop<'a>(&mut self, places: impl Iterator<Item = &'a mut Place>) {
        *self = Self { final_poll: self.final_poll, ..Self::default() };
        places.for_each(|place| *place = Place::default());
    }

    /// How many jobs wait for a poll or a scan.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.covered.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many jobs have not ended.
    pub(super) fn open(&self) -> usize {
        self.waiting() + self.in_flight
    }

    /// Whether one more job can be polled. While the key is doubted, one poll at a time is enough.
    pub(super) fn has_room(&self, is_key_accepted: bool) -> bool {
        self.in_flight < if is_key_accepted { MAX_IN_FLIGHT } else { 1 }
    }

    /// The waiting jobs, covered ones included, in the order in which they are due.
    pub(super) fn queue(&self) -> impl Iterator<Item = (Instant, &JobId)> {
        merged(self.queue.keys(), self.covered.iter(), |one, other| one < other)
    }

    /// The jobs that wait for a poll of their own, in that order.
    pub(super) fn uncovered(&self) -> impl Iterator<Item = (Instant, &JobId)> {
        self.queue.keys().map(|(due, id)| (*due, id))
    }

    /// The waiting jobs, covered ones included, the last one first.
    pub(super) fn queue_backwards(&self) -> impl Iterator<Item = (Instant, &JobId)> {
        merged(self.queue.keys().rev(), self.covered.iter().rev(), |one, other| one > other)
    }

    /// When the first job is due for a poll of its own.
    pub(super) fn first_due(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((due, _), _)| *due)
    }

    /// The waiting job that is due first.
    pub(super) fn first(&self) -> Option<(Instant, JobId)> {
        self.queue().next().map(|(due, id)| (due, id.clone()))
    }

    /// When the first alarm is due.
    pub(super) fn first_alarm(&self) -> Option<Instant> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// A job with an alarm that is due at `now`.
    pub(super) fn due_alarm(&self, now: Instant) -> Option<JobId> {
        self.alarms.first().filter(|(at, _)| *at <= now).map(|(_, id)| id.clone())
    }

    /// The job whose poll is the most overdue, measured in the time it was to wait, and how much
    /// that is. If more is due than the rate permits, all intervals are so stretched alike.
    pub(super) fn most_urgent(&self, now: Instant) -> Option<(JobId, f64)> {
        if let Some((_, id)) = self.urgent.first().filter(|(due, _)| *due <= now) {
            return Some((id.clone(), f64::INFINITY));
        }
        let due = self.queue.iter().take_while(|((due, _), _)| *due <= now).take(MAX_COMPARED);
        let mut most: Option<(&JobId, f64)> = None;
        for ((due, id), pace) in due {
            let waited = intervals_waited(*due, *pace, now);
            if most.is_none_or(|(_, most)| waited > most) {
                most = Some((id, waited));
            }
        }
        most.map(|(id, waited)| (id.clone(), waited))
    }

    /// The waiting jobs that are due from `from` on and before `until`.
    pub(super) fn due_between(&self, from: Option<Instant>, until: Instant) -> Vec<(Instant, JobId)> {
        let Some((_, any)) = self.first() else { return Vec::new() };
        // Of one time, the ids may be lower than this one.
        let start = (from.unwrap_or_default().back(Duration::from_nanos(1)), any);
        let apart = self.queue.range(start.clone()..).map(|(place, _)| place);
        let apart = apart.take_while(|(due, _)| *due < until);
        let covered = self.covered.range(start..).take_while(|(due, _)| *due < until);
        apart.chain(covered).cloned().collect()
    }

    /// From now on, each job is polled exactly once more.
    pub(super) fn request_final_poll(&mut self, now: Instant) {
        self.final_poll = Some(now);
    }

    pub(super) fn is_final_poll(&self) -> bool {
        self.final_poll.is_some()
    }

    /// When a job is due after a poll that began at `began`, if it would be due at `due`.
    pub(super) fn due_after_poll(
        &self,
        began: Instant,
        due: Option<Instant>,
        now: Instant,
    ) -> Option<Instant> {
        match self.final_poll {
            Some(requested) if began >= requested => None,
            Some(_) => due.map(|_| now),
            None => due,
        }
    }
}

/// The places of two queues as those of one, if each is in this order.
fn merged<'a>(
    one: impl Iterator<Item = &'a (Instant, JobId)>,
    other: impl Iterator<Item = &'a (Instant, JobId)>,
    is_before: impl Fn(&(Instant, JobId), &(Instant, JobId)) -> bool,
) -> impl Iterator<Item = (Instant, &'a JobId)> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    let next = move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if is_before(second, first) => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    };
    std::iter::from_fn(next).map(|(due, id)| (*due, id))
}

/// How long a job that is due had no answer, in intervals. It is 1 when the job becomes due, and infinite if it is polled before all others.
fn intervals_waited(due: Instant, pace: Duration, now: Instant) -> f64 {
    if pace.is_zero() { f64::INFINITY } else { 1.0 + now.since(due).div_duration_f64(pace) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    fn id(text: &str) -> JobId {
        JobId::new(text).unwrap()
    }

    fn due(at_second: u64, pace: u64) -> Due {
        Due { at: Some(at(at_second)), pace: Duration::from_secs(pace) }
    }

    #[test]
    fn a_job_is_in_the_queue_or_in_flight() {
        let (mut schedule, mut place, id) = (Schedule::default(), Place::default(), id("a"));
        schedule.put(&id, &mut place, due(5, 5), Rows::Ignored, Some(at(60)));
        assert_eq!((schedule.waiting(), schedule.open(), schedule.first_alarm()), (1, 1, Some(at(60))));

        schedule.start(&mut place, at(5), 1);
        schedule.put(&id, &mut place, Due::default(), Rows::Ignored, None);
        assert_eq!((schedule.waiting(), schedule.open(), schedule.first_alarm()), (0, 1, None));

        assert_eq!(schedule.finish(&mut place, 2), None);
        assert_eq!(schedule.finish(&mut place, 1), Some(at(5)));
        assert_eq!(schedule.open(), 0);
    }

    #[test]
    fn a_job_that_leaves_takes_its_poll_along() {
        let (mut schedule, mut place, id) = (Schedule::default(), Place::default(), id("a"));
        schedule.put(&id, &mut place, due(5, 0), Rows::Ignored, Some(at(60)));
        schedule.start(&mut place, at(5), 1);

        schedule.remove(&id, &mut place);

        assert_eq!((schedule.open(), schedule.first_alarm()), (0, None));
        assert_eq!(schedule.most_urgent(at(100)), None);
        assert_eq!(schedule.finish(&mut place, 1), None);
    }

    #[test]
    fn the_most_overdue_in_its_intervals_is_first() {
        let mut schedule = Schedule::default();
        for (name, due) in [("slow", due(10, 60)), ("fast", due(20, 1)), ("later", due(90, 1))] {
            schedule.put(&id(name), &mut Place::default(), due, Rows::Ignored, None);
        }
        assert_eq!(schedule.first().map(|(_, id)| id), Some(id("slow")));
        assert_eq!(schedule.most_urgent(at(30)), Some((id("fast"), 11.0)));

        schedule.put(&id("urgent"), &mut Place::default(), due(25, 0), Rows::Ignored, None);

        assert_eq!(schedule.most_urgent(at(30)), Some((id("urgent"), f64::INFINITY)));
    }

    #[test]
    fn jobs_of_one_time_are_found_whatever_their_ids() {
        let mut schedule = Schedule::default();
        for (name, second) in [("z", 1), ("b", 5), ("a", 5), ("c", 9)] {
            schedule.put(&id(name), &mut Place::default(), due(second, 1), Rows::Ignored, None);
        }

        let due = schedule.due_between(Some(at(5)), at(9));

        assert_eq!(due, [(at(5), id("a")), (at(5), id("b"))]);
    }

    #[test]
    fn a_final_poll_is_the_last() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.due_after_poll(at(1), Some(at(9)), at(2)), Some(at(9)));

        schedule.request_final_poll(at(5));

        assert_eq!(schedule.due_after_poll(at(4), Some(at(9)), at(6)), Some(at(6)));
        assert_eq!(schedule.due_after_poll(at(4), None, at(6)), None);
        assert_eq!(schedule.due_after_poll(at(5), Some(at(9)), at(6)), None);
    }
}
