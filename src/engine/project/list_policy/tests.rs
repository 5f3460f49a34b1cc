//! What is asked for in which situation.

use proptest::prelude::*;

use super::*;
use crate::engine::project::coverage::{Listed, Rows};

const LIMITS: Limits =
    Limits { rate: 10.0, min_interval: Duration::from_secs(1), is_full_effort: false, open_jobs: 100 };

fn at(seconds: u64) -> Instant {
    Instant::after_start(Duration::from_secs(seconds))
}

/// Jobs that wait for a poll every ten seconds: these numbers on pages that were read at 0 s, and
/// `unlocated` on no known page.
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
