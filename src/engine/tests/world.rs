//! A server with a limit of its own and with outages, on the virtual clock: what many jobs ask of it.

use super::retry::RetryAfter;
use super::*;

/// How long the server takes to answer.
const LATENCY: Duration = Duration::from_millis(100);

/// A server that takes so many requests a second, and so many at once.
#[derive(Debug, Clone)]
pub(super) struct Server {
    per_second: f64,
    at_once: f64,
    /// What it says beside a 429.
    retry_after: Option<Duration>,
    /// Answers everything with a 503 in this time, if in any.
    outage: Option<(Duration, Duration)>,
    /// What is left of its limit, and since when.
    left: f64,
    at: Instant,
}

impl Server {
    pub(super) fn new(per_second: f64, at_once: f64) -> Self {
        let at = Instant::default();
        Self { per_second, at_once, retry_after: None, outage: None, left: at_once, at }
    }

    /// A server that takes all that comes.
    pub(super) fn patient() -> Self {
        Self::new(1e6, 1e6)
    }

    /// The same that asks to be left alone so long with each refusal, if at all.
    pub(super) fn that_asks_for(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// The same that is out in this time.
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

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    Good,
    Limited,
    Failed,
}

/// A request: when it was made, for which job, and what became of it.
pub(super) type Request = (Instant, JobId, RequestOutcome);

/// Jobs that never end, and the server that is asked about them.
pub(super) struct World {
    pub(super) stage: Stage,
    pub(super) server: Server,
    pub(super) requests: Vec<Request>,
    configured: f64,
    under_way: VecDeque<(Instant, PollId, RequestOutcome)>,
}

impl World {
    /// So many jobs.
    pub(super) fn new(jobs: usize, settings: ProjectSettings, server: Server) -> Self {
        let configured = settings.api.requests_per_second.per_second();
        let ids: Vec<_> = (0..jobs).map(|n| JobSettings::new(id(&format!("job-{n:04}")))).collect();
        let stage = Stage::new(&[ProjectSettings { jobs: ids, ..settings }], Vec::new());
        Self { stage, server, requests: Vec::new(), configured, under_way: VecDeque::new() }
    }

    /// Goes on for so long, and never faster than the settings allow.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.stage.now.instant + time;
        loop {
            self.ask();
            assert!(self.stage.rate() <= self.configured, "{} is learned", self.stage.rate());
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

    /// The requests of each hour that came to this.
    pub(super) fn by_hour(&self, state: RequestOutcome) -> Vec<usize> {
        let hour = Duration::from_hours(1);
        let now = self.stage.now.instant;
        let of_hour =
            |n| self.between(n * hour, (n + 1) * hour).filter(|(.., became)| *became == state).count();
        (0..24).take_while(|n| Instant::after_start(*n * hour) < now).map(of_hour).collect()
    }

    /// The requests of this time.
    pub(super) fn between(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Request> {
        let time = Instant::after_start(from)..Instant::after_start(to);
        self.requests.iter().filter(move |(at, ..)| time.contains(at))
    }

    /// Checks that no window has more requests than these settings allow.
    pub(super) fn keeps_to(&self, rate: f64, burst: f64) {
        // Of requests i to j, `j - i + 1 <= burst + rate * (tj - ti)` for all i: the least `i - rate * ti` decides.
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
