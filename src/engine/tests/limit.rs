//! A server whose limit is below the configured rate, and one that is out for a while.

#![expect(clippy::float_cmp, reason = "a rate that is back is the configured one, to the bit")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use proptest::prelude::*;

use super::retry::RetryAfter;
use super::world::{Request, RequestOutcome, Server, World};
use super::*;
use crate::config::Rate;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

fn throttled(pause: Duration) -> Failure {
    Failure { retry_after: Some(RetryAfter::For(pause)), ..failure(FailureClass::Throttled) }
}

/// A stage on which the first poll was refused, and the server asked for half a minute.
fn refused() -> Stage {
    let mut stage = Stage::new(&[project(&["a", "b", "c", "d", "e", "f", "g", "h"])], Vec::new());
    let poll = stage.poll();
    stage.fail_poll(poll, throttled(seconds(30)));
    stage
}

/// At a fixed rate, a server that takes half of it refuses 3257 of the 6857 requests of each hour;
/// if it asks for half a minute with each refusal, 118 of 590, and gives no more than 472 good
/// answers.
#[test]
fn a_server_at_half_the_rate_refuses_few_requests() {
    for (at_once, retry_after) in [(4.0, None), (4.0, Some(seconds(30))), (60.0, None)] {
        let server = Server::new(1.0, at_once).that_asks_for(retry_after);
        let mut world = World::new(200, project(&[]), server);
        world.run(4 * HOUR);
        let (limited, good) = (world.by_hour(RequestOutcome::Limited), world.by_hour(RequestOutcome::Good));
        assert!(limited[0] <= 12, "{limited:?}");
        assert!(limited[1..].iter().all(|limited| *limited <= 8), "{limited:?}");
        assert!(good.iter().all(|good| *good > 3000), "of 3600: {good:?}");
        assert!(
            matches!(world.stage.diagnostics[..], [Diagnostic::RateCut { .. }]),
            "{:?}",
            world.stage.diagnostics
        );
        let mut polled = BTreeMap::<&JobId, u32>::new();
        for (_, job, _) in &world.requests {
            *polled.entry(job).or_default() += 1;
        }
        let (least, most) = (polled.values().min().unwrap(), polled.values().max().unwrap());
        assert!(polled.len() == 200 && most - least <= 12, "{least} to {most} polls a job");
    }
}

/// A round of 1,000 jobs takes 17 minutes at the rate of this server, which answers each of them.
#[test]
fn a_job_that_waits_for_its_turn_is_not_unreachable() {
    for retry_after in [None, Some(seconds(30))] {
        let server = Server::new(1.0, 4.0).that_asks_for(retry_after);
        let mut world = World::new(1000, project(&[]), server);
        world.run(2 * HOUR);
        let unreachable = world.stage.kinds().iter().filter(|kind| **kind == EventKind::Unreachable).count();
        assert_eq!(unreachable, 0);
    }
}

#[test]
fn the_configured_rate_returns_once_the_server_takes_it() {
    let mut world = World::new(200, project(&[]), Server::new(1.0, 4.0));

    world.run(HOUR);
    assert!(world.stage.rate() < 1.2);
    world.server = Server::patient();
    world.run(HOUR);
    assert_eq!(world.stage.rate(), 2.0);
    let diagnostics = &world.stage.diagnostics;
    assert!(
        matches!(diagnostics[..], [Diagnostic::RateCut { .. }, Diagnostic::RateRestored { .. }]),
        "{diagnostics:?}"
    );
    world.keeps_to(2.0, 4.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_limit_is_learned(
        rate in 0.5..10.0,
        burst in 1_u32..12,
        share in 0.3..0.95,
        at_once in 2.0..120.0,
        pause in prop::option::of(1_u64..90),
        jobs in 1_usize..150,
    ) {
        let mut settings = project(&[]);
        settings.api.requests_per_second = Rate::new(rate).unwrap();
        settings.api.burst = NonZeroU32::new(burst).unwrap();
        let server = Server::new(share * rate, at_once).that_asks_for(pause.map(seconds));
        let mut world = World::new(jobs, settings, server);
        world.run(3 * HOUR);
        let limited = world.by_hour(RequestOutcome::Limited);
        prop_assert!(limited[0] <= 30 && limited[1..].iter().all(|limited| *limited <= 10), "{limited:?}");
        world.server = Server::patient();
        world.run(2 * HOUR);
        prop_assert_eq!(world.stage.rate(), rate);
        world.keeps_to(rate, f64::from(burst));
    }
}

/// No more is asked in an outage than before it, as far as the rate was used up; and never more
/// than the rate. So there is no separate budget of retries: the token bucket counts polls and
/// retries alike.
#[test]
fn an_outage_and_its_end_cause_no_burst() {
    for outage in [MINUTE, HOUR] {
        for jobs in [20, 100, 1000] {
            let (from, to) = (HOUR, HOUR + outage);
            let server = Server::patient().that_is_out(from, to);
            let mut world = World::new(jobs, project(&[]), server);
            world.run(to + 10 * MINUTE);
            world.keeps_to(2.0, 4.0);
            assert_eq!(world.stage.rate(), 2.0, "an outage says nothing about the limit");

            let asked = |from, to| world.between(from, to).count();
            let (before, during) =
                (asked(from.saturating_sub(MINUTE), from), asked(to.saturating_sub(MINUTE), to));
            let most = if jobs == 20 && outage == HOUR { 3 * before } else { 116 };
            assert!(during <= most, "{jobs} jobs: {before} requests in a minute, {during} in the outage");
            let after: Vec<_> = (0..10).map(|n| asked(to + n * MINUTE, to + (n + 1) * MINUTE)).collect();
            assert!(after.iter().all(|after| *after <= before + 5), "{jobs} jobs: {before}, then {after:?}");
            for second in 0..120 {
                let at = to + seconds(second);
                assert!(asked(at, at + seconds(1)) <= 5, "{jobs} jobs at {second} s");
            }
            // Each job is answered again about after its backoff and its turn; those with shorter
            // intervals come first.
            let round = MINUTE.max(seconds(jobs as u64 * 550 / 1000 + 1));
            let good = |(_, job, state): &Request| (*state == RequestOutcome::Good).then(|| job.clone());
            let seen: BTreeSet<_> = world.between(to, to + round).filter_map(good).collect();
            assert_eq!(seen.len(), jobs);
        }
    }
}

#[test]
fn refusals_in_a_row_cut_the_rate_once() {
    let mut stage = refused();

    assert_eq!(stage.rate(), 1.4);

    // Refusals of polls that were under way do not count.
    let under_way = stage.poll();
    stage.fail_poll(under_way, failure(FailureClass::Throttled));
    let under_way = stage.poll();
    stage.answer_with(under_way, "Pending", JobFacts::default());
    stage.polls.clear();
    for _ in 0..4 {
        stage.fail(FailureClass::Throttled);
        stage.fail(FailureClass::Transient);
    }
    assert_eq!(stage.rate(), 1.4, "the server may count by the minute");
    stage.answer("Pending");
    stage.fail(FailureClass::Throttled);
    assert!((stage.rate() - 0.98).abs() < 0.02, "{}", stage.rate());
}

#[test]
fn no_burst_after_a_refusal() {
    let mut stage = refused();
    stage.polls.clear();
    assert_eq!(stage.next(), seconds(30), "in full");
    assert_eq!(stage.polls.len(), 1);
    assert_eq!(stage.next().as_millis(), 714);
    assert_eq!(stage.polls.len(), 2);
}

#[test]
fn a_restart_keeps_the_learned_rate() {
    let mut before = refused();
    before.step(Input::Command(Command::Stop));
    let mut stage = Stage::on(before.disk.clone(), &[project(&["a", "b", "c"])], Vec::new(), before.now);

    assert_eq!((stage.rate(), stage.diagnostics.len()), (1.4, 0));
    assert_eq!(stage.next(), seconds(30));
    stage.answer("Pending");
    assert!(stage.rate() < 1.41);
    let mut later = before.now;
    later.wall += HOUR;
    let mut stage = Stage::on(before.disk, &[project(&["a", "b", "c"])], Vec::new(), later);

    assert_eq!(stage.rate(), 1.4, "until there is an answer");
    stage.answer("Pending");
    assert_eq!(stage.rate(), 2.0);
    assert!(matches!(stage.diagnostics[..], [Diagnostic::RateRestored { .. }]), "{:?}", stage.diagnostics);
}

#[test]
fn a_reload_keeps_the_learned_rate() {
    let mut stage = refused();
    let mut settings = project(&["a", "b"]);
    for (configured, holds) in [(10.0, 1.4), (1.0, 1.0), (2.0, 1.4)] {
        settings.api.requests_per_second = Rate::new(configured).unwrap();
        stage.command(Command::Reconfigure(plan(std::slice::from_ref(&settings), Vec::new())));
        assert_eq!(stage.rate(), holds);
    }

    // Nor does a project that goes and comes back.
    stage.command(Command::Reconfigure(plan(&[], Vec::new())));
    stage.command(Command::Reconfigure(plan(&[settings], Vec::new())));
    assert_eq!(stage.rate(), 1.4);
}
