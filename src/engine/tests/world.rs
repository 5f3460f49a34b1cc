//! A simulated server with a rate limit and outages, and the requests that many jobs make.

use super::retry::RetryAfter;
use super::*;

/// Time from a request to its answer.
const LATENCY: Duration = Duration::from_millis(100);

/// A server with a token bucket of its own.
#[derive(Debug, Clone)]
pub(super) struct Server {
    per_second: f64,
    at_once: f64,
    /// The `Retry-After` of each 429.
    retry_after: Option<Duration>,
    /// Answers everything with a 503 in this time.
    outage: Option<(Duration, Duration)>,
    /// The tokens left at `at`.
    left: f64,
    at: Instant,
}

impl Server {
    pub(super) fn new(per_second: f64, at_once: f64) -> Self {
        let at = Instant::default();
        Self { per_second, at_once, retry_after: None, outage: None, left: at_once, at }
    }

    /// A server without a limit.
    pub(super) fn patient() -> Self {
        Self::new(1e6, 1e6)
    }

    /// The same with this `Retry-After`.
    pub(super) fn that_asks_for(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// The same with an outage in this time.
    pub(super) fn that_is_out(self, from: Duration, to: Duration) -> Self {
        Self { outage: Some((from, to)), ..self }
    }

    fn is_out(&self, now: Instant) -> bool {
        self.outage
            .is_some_and(|(from, to)| (Instant::after_start(from)..Instant::after_start(to)).contains(&now))
    }

    fn takes(&mut self, now: Instant) -> bool {
        let more = now.since(self.at).as_secs_f64() * self.per_second;
        self.at = now;
        self.left = (self.left + more).min(self.at_once);
        let takes = self.left >= 1.0;
        self.left -= if takes { 1.0 } else { 0.0 };
        takes
    }
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    Good,
    Limited,
    Failed,
}

/// A request: when it was made, for which job, and its answer.
pub(super) type Request = (Instant, JobId, RequestOutcome);

/// Jobs that never end, and their server.
pub(super) struct World {
    pub(super) stage: Stage,
    pub(super) server: Server,
    pub(super) requests: Vec<Request>,
    configured: f64,
    under_way: VecDeque<(Instant, PollId, RequestOutcome)>,
}

impl World {
    /// A world with so many jobs.
    pub(super) fn new(jobs: usize, settings: ProjectSettings, server: Server) -> Self {
        let configured = settings.api.requests_per_second.per_second();
        let ids: Vec<_> = (0..jobs).map(|n| JobSettings::new(id(&format!("job-{n:04}")))).collect();
        let stage = Stage::new(&[ProjectSettings { jobs: ids, ..settings }], Vec::new());
        Self { stage, server, requests: Vec::new(), configured, under_way: VecDeque::new() }
    }

    /// Runs for this time; the learned rate never exceeds the configured one.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.stage.now.instant + time;
        loop {
            self.ask();
            assert!(self.stage.rate() <= self.configured, "learned {}", self.stage.rate());
            let answer = self.under_way.front().map(|(at, ..)| *at);
            let next = crate::model::time::earliest([answer, self.stage.engine.poll_timeout()]);
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.stage.pass(at.since(self.stage.now.instant));
            match self.under_way.pop_front_if(|(at, ..)| *at <= self.stage.now.instant) {
                Some((_, poll, state)) => self.answer(poll, state),
                None => drop(self.stage.step(Input::Timeout)),
            }
        }
        self.stage.pass(end.since(self.stage.now.instant));
    }

    /// The number of requests with this answer in each hour.
    pub(super) fn by_hour(&self, state: RequestOutcome) -> Vec<usize> {
        let hour = Duration::from_hours(1);
        let now = self.stage.now.instant;
        let of_hour =
            |n| self.between(n * hour, (n + 1) * hour).filter(|(.., outcome)| *outcome == state).count();
        (0..24).take_while(|n| Instant::after_start(*n * hour) < now).map(of_hour).collect()
    }

    /// The requests in this time.
    pub(super) fn between(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Request> {
        let time = Instant::after_start(from)..Instant::after_start(to);
        self.requests.iter().filter(move |(at, ..)| time.contains(at))
    }

    /// Checks that no window has more requests than these settings allow.
    pub(super) fn keeps_to(&self, rate: f64, burst: f64) {
        // Of requests i to j, `j - i + 1 <= burst + rate * (tj - ti)` for all i: the least `i -
        // rate * ti` decides.
        let mut least = f64::INFINITY;
        for (number, (at, ..)) in (0_u32..).zip(&self.requests) {
            let credit = f64::from(number) - rate * at.since(Instant::default()).as_secs_f64();
            least = least.min(credit);
            assert!(
                credit - least + 1.0 <= burst + 1e-6,
                "{} requests in a window until {at:?}",
                credit - least + 1.0
            );
        }
    }

    fn ask(&mut self) {
        let now = self.stage.now.instant;
        for poll in std::mem::take(&mut self.stage.polls) {
            let state = match () {
                () if self.server.is_out(now) => RequestOutcome::Failed,
                () if self.server.takes(now) => RequestOutcome::Good,
                () => RequestOutcome::Limited,
            };
            self.requests.push((now, poll.job.clone(), state));
            self.under_way.push_back((now + LATENCY, poll, state));
        }
    }

    fn answer(&mut self, poll: PollId, state: RequestOutcome) {
        let class = match state {
            RequestOutcome::Good => {
                // Five hours old: polled every minute.
                let created_at = Some("2026-11-23T07:00:00Z".parse().unwrap());
                let facts = JobFacts { created_at, ..JobFacts::default() };
                return self.stage.answer_with(poll, "Pending", facts);
            }
            RequestOutcome::Limited => FailureClass::Throttled,
            RequestOutcome::Failed => FailureClass::Transient,
        };
        let retry_after =
            self.server.retry_after.filter(|_| state == RequestOutcome::Limited).map(RetryAfter::For);
        self.stage.fail_poll(poll, Failure { retry_after, ..failure(class) });
    }
}
