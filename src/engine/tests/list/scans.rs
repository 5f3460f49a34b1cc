//! How scans of the list and polls of single jobs share the rate, so that no job waits for long.

use std::collections::BTreeMap;

use super::*;
use crate::config::Effort;
use crate::engine::retry::RetryAfter;

#[test]
fn full_effort_uses_nine_tenths_of_the_rate() {
    let requests = |effort| {
        let mut settings = crowd(10);
        settings.api.requests_per_second = Rate::new(3.0).unwrap();
        settings.cadence.effort = effort;
        let mut stage = Stage::new(&[settings], Vec::new());
        stage.go_on(seconds(60), &[]);
        let (jobs, pages) = stage.go_on(seconds(600), &[]);
        jobs + pages
    };

    let (balanced, full) = (requests(Effort::Balanced), requests(Effort::Full));

    // Ten jobs that are ten to twenty minutes old are polled every 11 to 16 s.
    assert!((380..560).contains(&balanced), "{balanced}");
    assert!((1500..=1710).contains(&full), "{full} of 1800");
}

/// Whatever part of the jobs the list shows, on whatever pages, and however short the rate is.
#[test]
fn no_job_is_left_out_for_long() {
    for seed in 0..6 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let count = rng.usize(1..150);
        let (rate, shown) = (1.0 + 4.0 * rng.f64(), rng.f64());
        let mut rows: Vec<_> = names(count).iter().map(|job| row(job, "Pending", 600)).collect();
        rows.retain(|_| rng.f64() < shown);
        rows.extend((0..rng.u32(0..900)).map(|number| row(&format!("old-{number}"), "Failed", 9000)));
        rng.shuffle(&mut rows);
        let mut settings = crowd(count);
        settings.api.requests_per_second = Rate::new(rate).unwrap();
        let mut stage = Stage::new(&[settings], Vec::new());

        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let round = Duration::from_secs_f64(count as f64 / rate);
        let stretched_interval = round.max(seconds(60));
        let audit = (16 * round).max(seconds(300));
        let mut described = BTreeMap::new();
        stage.go_on(4 * stretched_interval, &rows);
        while stage.now.instant < Instant::after_start(2 * audit + seconds(300)) {
            stage.go_on(seconds(30), &rows);
            let longest = stage.longest_unanswered();
            assert!(longest < 4 * stretched_interval, "{seed}: {longest:?}, {count} jobs, {rate} a second");
            for job in stage.engine.jobs() {
                described.entry(job.tracker.settings().id.clone()).or_insert_with(Vec::new).push(job.polls);
            }
        }

        // Between any two looks that are that far apart, each job was described.
        let looks = usize::try_from(audit.as_secs() / 30 + 2).unwrap();
        for (job, polls) in described {
            let is_described = |window: &[u64]| window[0] < window[window.len() - 1];
            assert!(polls.windows(looks).all(is_described), "{seed}: {job}, {polls:?}");
        }
    }
}

/// A scan of ten thousand jobs takes almost a minute, and the jobs on its first page are to be asked
/// for four times meanwhile.
#[test]
fn a_scan_of_the_whole_list_holds_no_job_up() {
    let mut rows: Vec<_> = names(8).iter().map(|job| row(job, "Pending", 600)).collect();
    rows.extend((0..10_000).map(|number| row(&format!("old-{number}"), "Failed", 90_000)));
    let mut settings = discovering(all());
    settings.api.requests_per_second = Rate::new(2.0).unwrap();
    let mut stage = Stage::new(&[settings], Vec::new());
    stage.go_on(seconds(200), &rows);

    for _ in 0..300 {
        stage.go_on(seconds(1), &rows);
        let longest = stage.longest_unanswered();
        assert!(longest < seconds(30), "{longest:?}");
    }
}

#[test]
fn a_page_under_way_takes_no_job_out_of_the_final_poll() {
    let rows: Vec<_> = names(20).iter().map(|job| row(job, "Pending", 7200)).collect();
    let mut stage = Stage::new(&[crowd(20)], Vec::new());
    stage.go_on(seconds(300), &rows);
    while stage.lists.is_empty() {
        if let Some(poll) = stage.polls.pop_front() {
            stage.answer_with(poll, "Pending", rows[0].facts.clone());
        } else {
            stage.next();
        }
    }

    stage.command(Command::FinalPoll);
    let began = stage.now.instant;
    stage.answer_list(rows.clone());

    let mut polled = BTreeMap::new();
    while polled.len() < 20 {
        let poll = stage.poll();
        polled.insert(poll.job.clone(), stage.now.instant.since(began));
        stage.answer_with(poll, "Pending", rows[0].facts.clone());
    }
    assert!(polled.values().all(|after| *after < seconds(22)), "{polled:?}");
}

#[test]
fn a_lower_limit_of_jobs_holds_from_the_reload_on() {
    let with = |max_jobs| discovering(DiscoverySettings { max_jobs, ..all() });
    let rows: Vec<_> = names(180).iter().map(|job| row(job, "Pending", 5)).collect();
    let mut stage = Stage::new(&[with(200)], Vec::new());
    let (first, _) = stage.list();
    stage.page(first, rows[..50].to_vec(), Some("more"));

    stage.command(Command::Reconfigure(plan(&[with(60)], Vec::new())));
    loop {
        let (list, token) = stage.list();
        if token.is_some() {
            stage.page(list, rows[50..].to_vec(), None);
            break;
        }
        stage.page(list, rows[..50].to_vec(), Some("more"));
    }

    assert_eq!(stage.engine.totals().jobs, 60);
}

/// An audit shows that a job is about to end.
#[test]
fn an_audit_can_bring_the_next_scan_forward() {
    let rows: Vec<_> = names(12).iter().map(|job| row(job, "Pending", 7200)).collect();
    let mut settings = crowd(12);
    settings.api.requests_per_second = Rate::new(2.0).unwrap();
    let mut stage = Stage::new(&[settings], Vec::new());
    stage.go_on(seconds(500), &rows);
    while stage.polls.is_empty() {
        if let Some((list, _)) = stage.lists.pop_front() {
            stage.page(list, rows.clone(), None);
        } else {
            stage.next();
        }
    }

    let audit = stage.polls.pop_front().unwrap();
    let (job, answered) = (audit.job.clone(), stage.now.instant);
    let nearly_done = JobFacts { percent_complete: Some(99.9), ..rows[0].facts.clone() };
    stage.answer_with(audit, "Pending", nearly_done);

    let view = |stage: &Stage| stage.engine.job(&ProjectName::default(), &job).unwrap().due;
    let due = view(&stage).unwrap().since(answered);
    stage.go_on(due + seconds(3), &rows);
    assert!(stage.longest_unanswered() < due + seconds(3), "due after {due:?}");
}

#[test]
fn a_429_on_a_page_that_stands_for_polls_holds_the_project() {
    let rows: Vec<_> = names(40).iter().map(|job| row(job, "Pending", 600)).collect();
    let mut stage = Stage::new(&[crowd(40)], Vec::new());
    stage.go_on(seconds(120), &rows);
    let list = loop {
        while let Some(poll) = stage.polls.pop_front() {
            stage.answer_with(poll, "Pending", rows[0].facts.clone());
        }
        if let Some((list, _)) = stage.lists.pop_front() {
            break list;
        }
        stage.next();
    };

    let throttled =
        Failure { retry_after: Some(RetryAfter::For(seconds(100))), ..failure(FailureClass::Throttled) };
    let held_from = stage.now.instant;
    stage.step(Input::PageFailed { list, is_of_token: false, failure: throttled });

    while stage.polls.is_empty() && stage.lists.is_empty() {
        stage.next();
    }
    assert_eq!(stage.now.instant.since(held_from), seconds(100));
    stage.go_on(seconds(100), &rows);
    assert!(stage.longest_unanswered() < seconds(30), "{:?}", stage.longest_unanswered());
}
