//! Whether to ask for the description of a job or for a page of the list, which answers for many.
//!
//! Each job needs polls at a rate of its own, its weight `w`: one over the interval that the
//! cadence gives it. The cost of the time in which an end is not noticed grows with the square of
//! the time `t` since the last answer, so a job is as urgent as `(w · t)²`, which is 1 when its
//! interval is over (the index of P. Whittle, "Restless bandits: activity allocation in a changing
//! world", Journal of Applied Probability 25A, 1988, for the inspection problem of J. B. Keller, see
//! [`Cadence`]). One scan over the first `L` pages answers for all jobs on them and costs `L · k`
//! descriptions: it is as urgent as the sum over these jobs divided by that.
//!
//! A set of jobs that is scanned at the best rate needs `sqrt(L · k · Σ w²)` requests a second; jobs
//! that are described need `Σ w`. So each job is either covered by scans or described, and scans
//! have the length for which both together need the fewest requests: see [`Plan::find`]. The same
//! length is the best if the rate permits fewer requests, which stretches all intervals alike.
//!
//! Invariant: what is the most urgent is asked for first, and nothing before it is due. Looking for
//! the pages of jobs costs at most as many requests as describing each of them once.
//!
//! [`Cadence`]: crate::engine::cadence::Cadence

use std::time::Duration;

use super::coverage::Coverage;
use crate::model::JobId;
use crate::model::time::Instant;

/// What a page costs, in descriptions of one job, while the rate permits all requests: it is a
/// request, and a larger answer.
const PAGE_COST: f64 = 2.0;

/// What it costs while requests are what is short.
const PAGE_COST_IF_SATURATED: f64 = 1.0;

/// So few jobs are described, whatever the list shows.
const FEW_JOBS: usize = 3;

/// How long after a futile exploration the next one begins; twice as long after each further one.
const EXPLORATION_GAP: Duration = Duration::from_mins(10);
const MAX_EXPLORATION_GAP: Duration = Duration::from_hours(24);

/// The part of the rate that `effort = "full"` uses.
const FULL_SHARE: f64 = 0.9;

/// Intervals are shortened by `effort = "full"` to this part of the usual ones at most.
const MIN_STRETCH: f64 = 0.01;

/// If the list is trusted, the descriptions that check it take at most one of so many requests that
/// the rate permits.
const AUDIT_SHARE: u32 = 16;

/// The same after it was found to show a state that is too old, and for how long.
const AUDIT_SHARE_OF_STALE_LIST: u32 = 4;
const STALE_FOR: Duration = Duration::from_mins(30);

/// What to ask for next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    /// The description of this job, or of its index.
    Job(JobId),
    /// The next page of a scan, or the first of this one if none is under way.
    Page(ScanPlan),
}

/// What a scan is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ScanPlan {
    /// How many pages it goes on for in any case.
    pub(super) pages: usize,
    /// Whether it goes on for as long as it may find jobs whose page is not known.
    pub(super) explores: bool,
    /// How urgent it was when it began.
    pub(super) urgency: f64,
}

/// What the choice rests on.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    /// The job that waits for a poll of its own and is the most overdue, and for how many of its
    /// intervals it had no answer.
    pub(super) job: Option<(JobId, f64)>,
    /// A page may be asked for.
    pub(super) is_page_allowed: bool,
    /// A scan of the whole list is due.
    pub(super) is_scan_due: bool,
    /// A page is due if nothing else is, to learn of past durations.
    pub(super) is_history_due: bool,
    /// The scan under way.
    pub(super) scan: Option<ScanPlan>,
    pub(super) coverage: &'a Coverage,
    pub(super) now: Instant,
}

/// What is decided about pages.
#[derive(Debug, Default)]
pub(super) struct ListPolicy {
    plan: Plan,
    exploration: Exploration,
    /// Whether pages can be read, as far as known.
    is_readable: bool,
    stale_until: Option<Instant>,
    /// Whether the last request was for a page. Scans that are less urgent than jobs take turns
    /// with them.
    had_page_turn: bool,
}

/// The limits within which a plan is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The requests that the rate permits in a second.
    pub(super) rate: f64,
    /// The shortest interval between two answers about a job.
    pub(super) min_interval: Duration,
    /// Whether as much of the rate is used as there is.
    pub(super) is_full_effort: bool,
    /// How many jobs have not ended.
    pub(super) open_jobs: usize,
}

/// How long scans are, and when the next one begins.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    /// The number of pages whose jobs are covered by scans.
    pages: usize,
    /// When a scan is as urgent as a job at the end of its interval.
    at: Option<Instant>,
    /// What a scan costs, in the same unit as the sum over its jobs.
    cost: f64,
    /// The part of its usual interval after which each job is polled.
    stretch: f64,
}

/// The search for the pages of jobs.
#[derive(Debug)]
struct Exploration {
    /// How many pages may be asked for. Each job that comes to be watched adds one, and each that
    /// is found.
    credit: f64,
    /// When a futile search is repeated.
    again_at: Instant,
    gap: Duration,
}

impl ListPolicy {
    /// Decides what to ask for, if anything.
    pub(super) fn choose(&mut self, inputs: Inputs<'_>) -> Option<Choice> {
        let urgency_of_job = match &inputs.job {
            Some((_, intervals)) => intervals.powi(2),
            None => 0.0,
        };
        let scan = if urgency_of_job.is_infinite() || !inputs.is_page_allowed {
            None
        } else if let Some(scan) = inputs.scan {
            let scan = self.continued(scan, &inputs);
            Some(scan).filter(|_| self.takes_turn(scan, urgency_of_job, &inputs))
        } else {
            self.new_scan(urgency_of_job, &inputs)
        };

        self.had_page_turn = scan.is_some();
        match scan {
            Some(scan) => Some(Choice::Page(scan)),
            None => inputs.job.map(|(id, _)| Choice::Job(id)),
        }
    }

    /// Plans the scans from `now` on; there are none if the list cannot be read.
    pub(super) fn plan(&mut self, coverage: &Coverage, is_readable: bool, limits: Limits, now: Instant) {
        self.stale_until.take_if(|until| *until <= now);
        self.is_readable = is_readable;
        self.plan = Plan::find(coverage, is_readable, limits, now);
    }

    /// When the next scan begins, if nothing else happens.
    pub(super) fn scan_at(&self) -> Option<Instant> {
        self.plan.at
    }

    /// The number of pages whose jobs wait for a scan while this one reads that page. Those of a scan
    /// under way wait for its end; but one of the whole list, or one that explores, may take long
    /// after it has read the planned pages, so they do not wait for that.
    pub(super) fn covered_pages(&self, scan: Option<(ScanPlan, usize)>) -> usize {
        let planned = self.plan.pages;
        match scan {
            _ if !self.is_readable => 0,
            None => planned,
            Some((scan, page)) if scan.explores || scan.pages == usize::MAX => {
                if page < planned {
                    planned
                } else {
                    0
                }
            }
            Some((scan, _)) => planned.max(scan.pages),
        }
    }

    /// The part of its usual interval after which each job is polled.
    pub(super) fn stretch(&self) -> f64 {
        self.plan.stretch
    }

    /// A job comes to be watched, and its page is not known.
    pub(super) fn on_new_job(&mut self) {
        self.exploration.credit = self.exploration.credit.max(0.0) + 1.0;
    }

    /// Takes a page of an exploration that showed so many jobs whose page was not known, while
    /// `unlocated` are left. Returns whether it goes on.
    pub(super) fn on_explored(&mut self, found: usize, unlocated: usize, now: Instant) -> bool {
        self.exploration.spend(found, now);
        unlocated > 0 && self.exploration.credit > 0.0
    }

    /// An exploration came to the end of the list, which does not show the `unlocated` jobs that
    /// are left.
    pub(super) fn on_explored_to_the_end(&mut self, unlocated: usize, now: Instant) {
        if unlocated > 0 && self.exploration.credit > 0.0 {
            self.exploration.give_up(now);
        }
    }

    /// The list showed a state that is too old to rely on.
    pub(super) fn on_stale_row(&mut self, now: Instant) {
        self.stale_until = Some(now + STALE_FOR);
    }

    /// The descriptions that check the list take at most one of so many requests.
    pub(super) fn audit_share(&self) -> u32 {
        if self.stale_until.is_some() { AUDIT_SHARE_OF_STALE_LIST } else { AUDIT_SHARE }
    }

    /// What the scan under way is for from now on: one of the whole list that is due meanwhile
    /// continues it, without haste once it has explored what it may.
    fn continued(&self, scan: ScanPlan, inputs: &Inputs<'_>) -> ScanPlan {
        let pages = if inputs.is_scan_due { usize::MAX } else { scan.pages };
        if scan.explores && self.exploration.credit <= 0.0 {
            return ScanPlan { pages, explores: false, urgency: 0.0 };
        }
        ScanPlan { pages, ..scan }
    }

    /// Whether the scan under way goes before this job.
    fn takes_turn(&self, scan: ScanPlan, urgency_of_job: f64, inputs: &Inputs<'_>) -> bool {
        inputs.job.is_none() || scan.urgency >= urgency_of_job.max(1.0) || !self.had_page_turn
    }

    fn new_scan(&mut self, urgency_of_job: f64, inputs: &Inputs<'_>) -> Option<ScanPlan> {
        let is_idle = inputs.job.is_none();
        let urgency_of_scan = self.plan.urgency(inputs.coverage, inputs.now);
        let whole = ScanPlan { pages: usize::MAX, explores: false, urgency: 0.0 };

        if inputs.is_scan_due && (is_idle || !self.had_page_turn) {
            return Some(whole);
        }
        let is_due = urgency_of_scan.max(urgency_of_job) >= 1.0;
        if is_due && self.exploration.is_due(inputs.coverage.unlocated(), inputs.now) {
            return Some(ScanPlan { pages: 1, explores: true, urgency: f64::INFINITY });
        }
        if urgency_of_scan >= urgency_of_job.max(1.0) {
            return Some(ScanPlan { pages: self.plan.pages, explores: false, urgency: urgency_of_scan });
        }
        let is_history_due = is_idle && inputs.is_history_due;
        is_history_due.then_some(ScanPlan { pages: 1, ..whole })
    }
}

impl Plan {
    /// The number of pages for which scans and descriptions together need the fewest requests. A
    /// page costs less while even these are more than the rate permits.
    fn find(coverage: &Coverage, is_readable: bool, limits: Limits, now: Instant) -> Self {
        let is_worth_it = is_readable && limits.open_jobs > FEW_JOBS;
        let pages_to_scan = if is_worth_it { coverage.pages().len() } else { 0 };
        let fewest = |page_cost: f64| {
            let all = coverage.all().weights();
            let mut best = (all, 0);
            let (mut weights, mut squares) = (0.0_f64, 0.0_f64);
            for (page, shown) in coverage.pages()[..pages_to_scan].iter().enumerate() {
                weights += shown.counted().weights();
                squares += shown.counted().squares();
                let cost = number(page + 1) * page_cost;
                // A job is not to be asked for more often than that, however many there are.
                let at_most = cost / limits.min_interval.as_secs_f64();
                let needed = (cost * squares).sqrt().min(at_most) + (all - weights);
                if needed < best.0 {
                    best = (needed, page + 1);
                }
            }
            best
        };

        let (mut page_cost, mut best) = (PAGE_COST, fewest(PAGE_COST));
        if best.0 > limits.rate || limits.is_full_effort {
            (page_cost, best) = (PAGE_COST_IF_SATURATED, fewest(PAGE_COST_IF_SATURATED));
        }
        let (needed, length) = best;
        let stretch = match needed / (FULL_SHARE * limits.rate) {
            stretch if limits.is_full_effort => stretch.clamp(MIN_STRETCH, 1.0),
            _ => 1.0,
        };

        let cost = number(length) * page_cost * stretch.powi(2);
        let plan = Self { pages: length, at: None, cost, stretch };
        Self { at: plan.due(coverage, limits.min_interval, now), ..plan }
    }

    /// When the sum of `w² · t²` over the covered jobs is the cost of a scan. All jobs on a page had
    /// their last answer when it was read.
    fn due(&self, coverage: &Coverage, min_interval: Duration, now: Instant) -> Option<Instant> {
        let (mut a, mut b, mut c) = (0.0, 0.0, -self.cost);
        for page in &coverage.pages()[..self.pages] {
            let (squares, time) = (page.counted().squares(), now.since(page.read_at()).as_secs_f64());
            a += squares;
            b += squares * time;
            c += squares * time.powi(2);
        }
        if a <= 0.0 {
            return None;
        }

        let wait = ((b * b - a * c).max(0.0).sqrt() - b) / a;
        let at = now + Duration::try_from_secs_f64(wait.max(0.0)).unwrap_or_default();
        Some(at.max(coverage.pages()[0].read_at() + min_interval))
    }

    /// How urgent a scan is; at least 1 once it is due.
    fn urgency(&self, coverage: &Coverage, now: Instant) -> f64 {
        let Some(at) = self.at else { return 0.0 };
        if now < at {
            return 0.0;
        }
        let pages = coverage.pages().iter().take(self.pages);
        let of_page = |squares: f64, read_at| squares * now.since(read_at).as_secs_f64().powi(2);
        let sum: f64 = pages.map(|page| of_page(page.counted().squares(), page.read_at())).sum();
        (sum / self.cost).max(1.0)
    }
}

impl Exploration {
    /// Whether an exploration may begin now for so many jobs.
    fn is_due(&mut self, unlocated: usize, now: Instant) -> bool {
        if unlocated <= FEW_JOBS {
            return false;
        }
        if self.credit <= 0.0 && now >= self.again_at {
            self.credit = number(unlocated);
        }
        self.credit > 0.0
    }

    fn spend(&mut self, found: usize, now: Instant) {
        self.credit += number(found) - 1.0;
        if found > 0 {
            self.gap = EXPLORATION_GAP;
        }
        if self.credit <= 0.0 {
            self.give_up(now);
        }
    }

    fn give_up(&mut self, now: Instant) {
        self.credit = 0.0;
        self.again_at = now + self.gap;
        self.gap = (2 * self.gap).min(MAX_EXPLORATION_GAP);
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self { pages: 0, at: None, cost: 0.0, stretch: 1.0 }
    }
}

impl Default for Exploration {
    fn default() -> Self {
        Self { credit: 0.0, again_at: Instant::default(), gap: EXPLORATION_GAP }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of jobs or pages")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::coverage::{Listed, Rows};
    use super::*;

    const LIMITS: Limits =
        Limits { rate: 10.0, min_interval: Duration::from_secs(1), is_full_effort: false, open_jobs: 100 };

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    /// Jobs that wait for a poll every ten seconds: so many on each of these pages, which were read
    /// at 0 s, and so many on no known page.
    fn coverage(on_pages: &[usize], unlocated: usize) -> Coverage {
        let mut coverage = Coverage::default();
        let pages = on_pages.iter().enumerate().map(|(page, jobs)| (Some(page), *jobs));
        let mut id = 0;
        for (page, jobs) in pages.chain([(None, unlocated)]) {
            for _ in 0..jobs {
                id += 1;
                let mut listed = Listed::default();
                coverage.locate(&JobId::new(format!("rj-{id}")).unwrap(), &mut listed, page, at(0));
                coverage.count(&mut listed, Duration::from_secs(10), Rows::Since(at(0)));
            }
        }
        coverage
    }

    /// What a policy is to decide at 20 s about a job that is as overdue as this.
    fn inputs(coverage: &Coverage, intervals: f64) -> Inputs<'_> {
        Inputs {
            job: Some((JobId::new("rj").unwrap(), intervals)),
            is_page_allowed: true,
            is_scan_due: false,
            is_history_due: false,
            scan: None,
            coverage,
            now: at(20),
        }
    }

    fn planned(coverage: &Coverage, limits: Limits) -> ListPolicy {
        let mut policy = ListPolicy::default();
        policy.plan(coverage, true, limits, at(20));
        policy
    }

    fn scanned_pages(choice: Option<Choice>) -> Option<usize> {
        match choice? {
            Choice::Page(scan) => Some(scan.pages),
            Choice::Job(_) => None,
        }
    }

    #[test]
    fn scans_have_the_length_that_needs_the_fewest_requests() {
        for (on_pages, length) in [
            (&[][..], 0),
            (&[2], 0),
            (&[4], 1),
            (&[50, 50, 1], 2),
            (&[50, 50, 50, 0, 0, 0], 3),
            (&[0, 0, 0, 0, 50], 5),
            (&[0, 0, 0, 0, 9], 0),
        ] {
            let coverage = coverage(on_pages, 0);

            assert_eq!(planned(&coverage, LIMITS).covered_pages(None), length, "{on_pages:?}");
        }
    }

    #[test]
    fn pages_cost_less_while_the_rate_is_short() {
        let coverage = coverage(&[0, 0, 0, 0, 9], 0);

        let saturated = planned(&coverage, Limits { rate: 0.5, ..LIMITS });

        assert_eq!(saturated.covered_pages(None), 5);
    }

    #[test]
    fn a_list_that_cannot_be_read_covers_no_job() {
        let mut policy = planned(&coverage(&[90], 0), LIMITS);

        policy.plan(&coverage(&[90], 0), false, LIMITS, at(20));

        assert_eq!((policy.covered_pages(None), policy.scan_at()), (0, None));
    }

    #[test]
    fn a_scan_is_as_urgent_as_the_jobs_that_it_covers() {
        // Eight jobs, each of which waited for two intervals: 8 · 2² / 2.
        let coverage = coverage(&[8], 0);
        let choose = |intervals| planned(&coverage, LIMITS).choose(inputs(&coverage, intervals));

        assert_eq!(scanned_pages(choose(3.9)), Some(1));
        assert_eq!(scanned_pages(choose(4.1)), None);
        assert_eq!(scanned_pages(choose(f64::INFINITY)), None);
    }

    #[test]
    fn nothing_is_asked_for_before_it_is_due() {
        let coverage = coverage(&[8], 0);
        let mut policy = planned(&coverage, LIMITS);
        let early = Inputs { job: None, now: at(1), ..inputs(&coverage, 0.0) };
        policy.plan(&coverage, true, LIMITS, at(1));

        // 8 · (t / 10 s)² is 2 after five seconds.
        assert_eq!(policy.scan_at(), Some(at(5)));
        assert_eq!(policy.choose(early), None);
    }

    #[test]
    fn a_scan_is_no_earlier_than_the_shortest_interval() {
        let coverage = coverage(&[90], 0);

        let slow = planned(&coverage, Limits { min_interval: Duration::from_secs(60), ..LIMITS });

        assert_eq!(slow.scan_at(), Some(at(60)));
    }

    #[test]
    fn a_scan_that_is_less_urgent_takes_turns_with_jobs() {
        let coverage = coverage(&[8], 0);
        let mut policy = planned(&coverage, LIMITS);
        let scan = ScanPlan { pages: 5, explores: false, urgency: 2.0 };
        let mut asks = |intervals| {
            let under_way = Inputs { scan: Some(scan), ..inputs(&coverage, intervals) };
            scanned_pages(policy.choose(under_way)).is_some()
        };

        assert_eq!([asks(9.0), asks(9.0), asks(9.0)], [true, false, true]);
        assert_eq!([asks(1.2), asks(1.2)], [true, true]);
    }

    #[test]
    fn a_whole_scan_that_is_due_continues_the_one_under_way() {
        let coverage = Coverage::default();
        let scan = ScanPlan { pages: 1, explores: false, urgency: 2.0 };
        let under_way = Inputs { scan: Some(scan), is_scan_due: true, ..inputs(&coverage, 1.0) };

        assert_eq!(scanned_pages(ListPolicy::default().choose(under_way)), Some(usize::MAX));
    }

    #[test]
    fn past_durations_are_asked_for_if_nothing_else_is() {
        let coverage = Coverage::default();
        let idle = Inputs { job: None, is_history_due: true, ..inputs(&coverage, 0.0) };
        let busy = Inputs { is_history_due: true, ..inputs(&coverage, 1.0) };

        assert_eq!(scanned_pages(ListPolicy::default().choose(idle)), Some(1));
        assert_eq!(scanned_pages(ListPolicy::default().choose(busy)), None);
    }

    #[test]
    fn exploring_costs_no_more_than_describing_each_job_once() {
        let coverage = coverage(&[], 10);
        let mut policy = ListPolicy::default();
        (0..10).for_each(|_| policy.on_new_job());

        let mut pages = 0;
        while scanned_pages(policy.choose(inputs(&coverage, 1.0))).is_some() {
            pages += 1;
            policy.on_explored(0, 10, at(20));
        }

        assert_eq!(pages, 10);
        let explores_at = |policy: &mut ListPolicy, second| {
            scanned_pages(policy.choose(Inputs { now: at(second), ..inputs(&coverage, 1.0) })).is_some()
        };
        assert!(!explores_at(&mut policy, 619) && explores_at(&mut policy, 620));
    }

    #[test]
    fn a_page_that_shows_jobs_pays_for_further_ones() {
        let mut policy = ListPolicy::default();
        policy.on_new_job();

        assert!(policy.on_explored(5, 100, at(20)));
        assert!(!policy.on_explored(1, 0, at(20)), "none is left");
    }

    #[test]
    fn an_exploration_to_the_end_is_repeated_after_longer_and_longer() {
        let coverage = coverage(&[], 10);
        let mut policy = ListPolicy::default();
        let explores_at = |policy: &mut ListPolicy, second| {
            scanned_pages(policy.choose(Inputs { now: at(second), ..inputs(&coverage, 1.0) })).is_some()
        };
        assert!(explores_at(&mut policy, 20));
        policy.on_explored_to_the_end(10, at(20));
        assert!(!explores_at(&mut policy, 619) && explores_at(&mut policy, 620));

        policy.on_explored_to_the_end(10, at(620));

        assert!(!explores_at(&mut policy, 1819) && explores_at(&mut policy, 1820));
    }

    #[test]
    fn few_open_jobs_are_not_covered() {
        let coverage = coverage(&[3], 0);

        assert_eq!(planned(&coverage, Limits { open_jobs: 3, ..LIMITS }).covered_pages(None), 0);
        assert_eq!(planned(&coverage, Limits { open_jobs: 4, ..LIMITS }).covered_pages(None), 1);
    }

    #[test]
    fn a_long_scan_covers_jobs_only_until_it_has_read_their_pages() {
        let policy = planned(&coverage(&[50, 50], 0), LIMITS);
        let whole = ScanPlan { pages: usize::MAX, explores: false, urgency: 0.0 };
        let exploring = ScanPlan { pages: 1, explores: true, urgency: f64::INFINITY };

        for scan in [whole, exploring] {
            let covered = |page| policy.covered_pages(Some((scan, page)));
            assert_eq!([covered(0), covered(1), covered(2), covered(90)], [2, 2, 0, 0]);
        }
    }

    #[test]
    fn an_exploration_without_credit_goes_on_without_haste() {
        let coverage = coverage(&[], 10);
        let mut policy = ListPolicy::default();
        policy.on_new_job();
        let exploring = ScanPlan { pages: 1, explores: true, urgency: f64::INFINITY };
        assert!(!policy.on_explored(0, 10, at(20)));

        let under_way = Inputs { scan: Some(exploring), is_scan_due: true, ..inputs(&coverage, 1.0) };

        let whole = ScanPlan { pages: usize::MAX, explores: false, urgency: 0.0 };
        assert_eq!(policy.choose(under_way), Some(Choice::Page(whole)));
    }

    #[test]
    fn few_jobs_are_not_explored_for() {
        let coverage = coverage(&[], 3);
        let mut policy = ListPolicy::default();
        policy.on_new_job();

        assert_eq!(scanned_pages(policy.choose(inputs(&coverage, 1.0))), None);
    }

    #[test]
    fn a_stale_row_raises_the_share_of_audits_for_half_an_hour() {
        let mut policy = ListPolicy::default();
        assert_eq!(policy.audit_share(), 16);

        policy.on_stale_row(at(0));

        policy.plan(&Coverage::default(), true, LIMITS, at(1799));
        assert_eq!(policy.audit_share(), 4);
        policy.plan(&Coverage::default(), true, LIMITS, at(1800));
        assert_eq!(policy.audit_share(), 16);
    }

    #[test]
    fn full_effort_uses_nine_tenths_of_the_rate() {
        let full = Limits { is_full_effort: true, ..LIMITS };
        // 18 jobs need 1.8 requests a second, and nine are permitted.
        let policy = planned(&coverage(&[], 18), full);
        assert!((policy.stretch() - 0.2).abs() < 1e-9, "{}", policy.stretch());

        let saturated = planned(&coverage(&[], 900), full);

        assert!((saturated.stretch() - 1.0).abs() < f64::EPSILON, "no interval becomes longer");
    }

    proptest! {
        /// At the planned time, the covered jobs are as urgent as the scan costs, if that is not
        /// past and not before the shortest interval.
        #[test]
        fn a_scan_begins_when_it_is_worth_its_cost(
            on_pages in prop::collection::vec(0..100_usize, 1..12),
            rate in 0.1..100.0_f64,
        ) {
            let coverage = coverage(&on_pages, 0);
            let limits = Limits { rate, min_interval: Duration::from_millis(1), ..LIMITS };
            let mut policy = ListPolicy::default();
            policy.plan(&coverage, true, limits, at(0));

            if let Some(at) = policy.scan_at() {
                let jobs: usize = on_pages[..policy.plan.pages].iter().sum();
                let waited = at.since(Instant::default()).as_secs_f64();
                let urgency = number(jobs) * (waited / 10.0).powi(2);
                prop_assert!((urgency / policy.plan.cost - 1.0).abs() < 1e-6, "{urgency}");
            }
        }
    }
}
