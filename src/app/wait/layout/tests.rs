use std::time::Duration;

use console::measure_text_width;

use super::*;
use crate::app::wait::order::Order;
use crate::app::wait::view::Search;
use crate::model::{Elapsed, Expectation, JobId, RestoreGroup, Status};

const NORMAL: Size = Size { rows: 24, columns: 80 };
const LARGE: Size = Size { rows: 40, columns: 120 };
const SMALL: Size = Size { rows: 15, columns: 60 };

const PLAIN: Style = Style { utf8: true, color: false };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A restore that was named as number `place`, and runs for 55 s.
fn job(label: &'static str, place: usize) -> Job<'static> {
    let named: Vec<_> = (0..=place).map(|place| JobId::new(place.to_string()).unwrap()).collect();
    Job {
        label,
        id: "670e8400-e29b-41d4-a716-446655440001",
        place: Order::of(&named).place(&named[place]),
        outcome: Outcome::Open,
        status: Some(&Status::Pending),
        index_state: None,
        elapsed: Elapsed::Exact(seconds(55)),
        started_at: Some("2026-11-23T12:00:00Z".parse().unwrap()),
        percent: None,
        left: None,
        trouble: None,
    }
}

fn completed(label: &'static str, place: usize, took: u64) -> Job<'static> {
    Job {
        outcome: Outcome::Completed,
        status: Some(&Status::Completed),
        elapsed: Elapsed::Exact(seconds(took)),
        ..job(label, place)
    }
}

fn failed(label: &'static str, place: usize) -> Job<'static> {
    Job {
        outcome: Outcome::Failed,
        status: Some(&Status::Failed),
        elapsed: Elapsed::AtMost { bound: seconds(20), seen_running: None },
        ..job(label, place)
    }
}

fn moving(label: &'static str, place: usize, percent: f64, left: u64) -> Job<'static> {
    Job { percent: Some(percent), left: Some(seconds(left)), ..job(label, place) }
}

fn with_trouble(job: &Job<'static>, reason: &'static str, gives_up_in: u64) -> Job<'static> {
    Job { trouble: Some(Trouble { reason, gives_up_in: Some(seconds(gives_up_in)) }), ..job.clone() }
}

fn view(jobs: Vec<Job<'static>>) -> View<'static> {
    View {
        counts: jobs.iter().map(Job::standing).collect(),
        jobs,
        any: false,
        waited: seconds(55),
        expected: None,
        search: None,
        list_trouble: None,
    }
}

fn with_history(view: View<'static>, restores: usize, group: Option<&str>) -> View<'static> {
    let group = group.map(|name| RestoreGroup::Index(name.to_owned()));
    let expected = Expectation { restores, p50_seconds: 540.0, p90_seconds: 1260.0, group };
    View { expected: Some(expected), ..view }
}

fn five() -> View<'static> {
    view(vec![
        completed("docs-search", 0, 26),
        failed("orders-nightly", 1),
        moving("catalogue", 2, 49.0, 16),
        moving("inventory", 3, 8.4, 600),
        Job { status: None, ..job("670e8400-e29b-41d4-a716-446655440001", 4) },
    ])
}

/// Shards of which the first half completed, but for number 9; the others are about 3 s apart.
fn shards(count: usize) -> View<'static> {
    let shard = |number: usize| {
        let label: &'static str = format!("shard-{number}").leak();
        match number {
            9 => failed(label, number),
            number if number <= count / 2 + 2 => completed(label, number, 15 + number as u64),
            number => {
                let left = u32::try_from(1 + 3 * (number - count / 2 - 3)).unwrap();
                moving(label, number, 99.0 - f64::from(left) / 10.0, left.into())
            }
        }
    };
    // As the engine has them: in no order.
    view((1..=count).rev().map(shard).collect())
}

/// The lines without their ends, which the snapshots would lose.
fn drawn(view: &View<'_>, size: Size) -> String {
    let lines = lines(view, size, PLAIN, 3);
    for line in &lines {
        assert!(measure_text_width(line) < usize::from(size.columns), "{line}");
        assert_eq!(line.trim_end(), line);
    }
    lines.join("\n")
}

#[test]
fn one_job_has_no_headline() {
    let one = with_history(view(vec![job("docs-search", 0)]), 40, None);
    insta::assert_snapshot!(drawn(&one, NORMAL), @"
    ⠸ docs-search  Pending  55s
      usually 9 min, 9 in 10 under 21 min (40 restores)
    Ctrl-C ends the wait, not the restore
    ");

    let of_group = with_history(view(vec![moving("orders", 0, 49.0, 16)]), 12, Some("orders"));
    insta::assert_snapshot!(drawn(&of_group, SMALL), @"
    ⠸ orders  ███████░░░░░░░░░  49 %  55s, about 16s left
      usually 9 min, 9 in 10 under 21 min (12 restores of
      orders)
    Ctrl-C ends the wait, not the restore
    ");
    insta::assert_snapshot!(drawn(&of_group, LARGE), @"
    ⠸ orders  ███████░░░░░░░░░  49 %  55s, about 16s left
      usually 9 min, 9 in 10 under 21 min (12 restores of orders)
    Ctrl-C ends the wait, not the restore
    ");
}

#[test]
fn trouble_of_one_job_is_below_it() {
    let unseen = Job { status: None, ..job("670e8400-e29b-41d4-a716-446655440001", 0) };
    let reason = "cannot connect to http://127.0.0.1:9: connection refused";
    let one = view(vec![with_trouble(&unseen, reason, 546)]);

    insta::assert_snapshot!(drawn(&one, NORMAL), @"
    ⠸ 670e8400-e29b-41d4-a716-446655440001  not seen yet  55s
      cannot connect to http://127.0.0.1:9: connection refused; gives up in 9m 06s
    Ctrl-C ends the wait, not the restore
    ");
    insta::assert_snapshot!(drawn(&one, SMALL), @"
    ⠸ 670e8400-e29b-41d4-a716-446655440001  not seen yet  55s
      cannot connect to http://127.0.0.1:9: connection refused;
      gives up in 9m 06s
    Ctrl-C ends the wait, not the restore
    ");
    insta::assert_snapshot!(drawn(&one, Size { rows: 15, columns: 40 }), @"
    ⠸ 670e8400-…55440001  not seen yet  55s
      cannot connect to http://127.0.0.1:9:
      connection refused;
      gives up in 9m 06s
    Ctrl-C ends the wait, not the restore
    ");
}

#[test]
fn a_long_reason_loses_its_end_and_not_its_deadline() {
    let reason = "HTTP 503: the service is not available, which it says at great length ".repeat(9).leak();
    let one = view(vec![with_trouble(&job("docs-search", 0), reason, 546)]);

    insta::assert_snapshot!(drawn(&one, SMALL), @"
    ⠸ docs-search  Pending  55s
      HTTP 503: the service is not available, which it says at
      great length HTTP 503: the service is not available,
      which it says at great length HTTP 503: the service is
      not available, which it says at gr…; gives up in 9m 06s
    Ctrl-C ends the wait, not the restore
    ");
}

#[test]
fn few_jobs_are_in_their_order() {
    insta::assert_snapshot!(drawn(&five(), NORMAL), @"
    Waiting for 5 restores: 1 completed, 1 failed, 2 running, 1 not seen yet   55s
    ✔ docs-search                           completed     26s
    ✘ orders-nightly                        failed        at most 20s
    ⠸ catalogue                             49 %          55s, about 16s left
    ⠸ inventory                             8 %           55s, about 10 min left
    ⠸ 670e8400-e29b-41d4-a716-446655440001  not seen yet  55s
    Ctrl-C ends the wait, not the restores
    ");
    insta::assert_snapshot!(drawn(&five(), LARGE), @"
    Waiting for 5 restores: 1 completed, 1 failed, 2 running, 1 not seen yet   55s
    ✔ docs-search                           completed               26s
    ✘ orders-nightly                        failed                  at most 20s
    ⠸ catalogue                             ███████░░░░░░░░░  49 %  55s, about 16s left
    ⠸ inventory                             █░░░░░░░░░░░░░░░   8 %  55s, about 10 min left
    ⠸ 670e8400-e29b-41d4-a716-446655440001  not seen yet            55s
    Ctrl-C ends the wait, not the restores
    ");
    insta::assert_snapshot!(drawn(&five(), SMALL), @"
    1 completed, 1 failed, 2 running, 1 not seen yet
    ✔ docs-search          completed     26s
    ✘ orders-nightly       failed        at most 20s
    ⠸ catalogue            49 %          55s, about 16s left
    ⠸ inventory            8 %           55s, about 10 min left
    ⠸ 670e8400-…655440001  not seen yet  55s
    Ctrl-C ends the wait, not the restores
    ");
    insta::assert_snapshot!(drawn(&five(), Size { rows: 15, columns: 40 }), @"
    Waiting for 5 restores: 1 completed,
      1 failed, 2 running, 1 not seen yet
      55s
    ✔ docs-search              completed
    ✘ orders-nightly           failed
    ⠸ catalogue                49 %
    ⠸ inventory                8 %
    ⠸ 670e8400-e2…46655440001  not seen yet
    Ctrl-C ends the wait, not the restores
    ");
}

#[test]
fn few_jobs_name_what_they_fail_with() {
    let mut jobs = five();
    jobs.jobs[2] = with_trouble(&jobs.jobs[2], "HTTP 503: Service Unavailable", 590);
    jobs.jobs[4] = with_trouble(&jobs.jobs[4], "HTTP 404: Restore job 670e8400 not found.", 41);
    insta::assert_snapshot!(drawn(&jobs, NORMAL), @"
    Waiting for 5 restores: 1 completed, 1 failed, 2 running, 1 not seen yet   55s
    ✔ docs-search                           completed     26s
    ✘ orders-nightly                        failed        at most 20s
    ⠸ catalogue                             49 %          55s, about 16s left
      HTTP 503: Service Unavailable; gives up in 9m 50s
    ⠸ inventory                             8 %           55s, about 10 min left
    ⠸ 670e8400-e29b-41d4-a716-446655440001  not seen yet  55s
      HTTP 404: Restore job 670e8400 not found; gives up in 41s
    Ctrl-C ends the wait, not the restores
    ");

    for place in 2..5 {
        let reason = "cannot connect to https://api.pinecone.io: connection refused";
        jobs.jobs[place] = with_trouble(&jobs.jobs[place], reason, 590 + place as u64);
    }
    insta::assert_snapshot!(drawn(&jobs, NORMAL), @"
    Waiting for 5 restores: 1 completed, 1 failed, 2 running, 1 not seen yet   55s
      cannot connect to https://api.pinecone.io: connection refused;
      gives up in 9m 54s
    ✔ docs-search                           completed     26s
    ✘ orders-nightly                        failed        at most 20s
    ⠸ catalogue                             49 %          55s, about 16s left
    ⠸ inventory                             8 %           55s, about 10 min left
    ⠸ 670e8400-e29b-41d4-a716-446655440001  not seen yet  55s
    Ctrl-C ends the wait, not the restores
    ");
}

#[test]
fn forty_jobs_show_what_went_wrong_and_what_ends_next() {
    let forty = with_history(shards(40), 40, None);

    insta::assert_snapshot!(drawn(&forty, NORMAL), @"
    Waiting for 40 restores: 21 completed, 1 failed, 18 running   55s
    ✘ shard-9   failed                  at most 20s
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
    ⠸ shard-24  ███████████████░  99 %  55s, about 4s left
    ⠸ shard-25  ███████████████░  98 %  55s, about 7s left
    ⠸ shard-26  ███████████████░  98 %  55s, about 10s left
    ⠸ shard-27  ███████████████░  98 %  55s, about 13s left
    ⠸ shard-28  ███████████████░  97 %  55s, about 16s left
    ⠸ shard-29  ███████████████░  97 %  55s, about 19s left
    ⠸ shard-30  ███████████████░  97 %  55s, about 22s left
    ⠸ shard-31  ███████████████░  96 %  55s, about 25s left
    ⠸ shard-32  ███████████████░  96 %  55s, about 28s left
    ⠸ shard-33  ███████████████░  96 %  55s, about 31s left
    ⠸ shard-34  ███████████████░  96 %  55s, about 34s left
    ⠸ shard-35  ███████████████░  95 %  55s, about 37s left
    ⠸ shard-36  ███████████████░  95 %  55s, about 40s left
    ⠸ shard-37  ███████████████░  95 %  55s, about 43s left
    ⠸ shard-38  ███████████████░  94 %  55s, about 46s left
    ⠸ shard-39  ███████████████░  94 %  55s, about 49s left
    ⠸ shard-40  ███████████████░  94 %  55s, about 52s left
      … 21 completed
      usually 9 min, 9 in 10 under 21 min (40 restores)
    Ctrl-C ends the wait, not the restores
    ");
    insta::assert_snapshot!(drawn(&forty, SMALL), @"
    40 restores: 21 completed, 1 failed, 18 running   55s
    ✘ shard-9   failed                  at most 20s
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
    ⠸ shard-24  ███████████████░  99 %  55s, about 4s left
    ⠸ shard-25  ███████████████░  98 %  55s, about 7s left
    ⠸ shard-26  ███████████████░  98 %  55s, about 10s left
    ⠸ shard-27  ███████████████░  98 %  55s, about 13s left
    ⠸ shard-28  ███████████████░  97 %  55s, about 16s left
    ⠸ shard-29  ███████████████░  97 %  55s, about 19s left
    ⠸ shard-30  ███████████████░  97 %  55s, about 22s left
    ⠸ shard-31  ███████████████░  96 %  55s, about 25s left
      … 9 more running, 21 completed
      usually 9 min, 9 in 10 under 21 min (40 restores)
    Ctrl-C ends the wait, not the restores
    ");
    insta::assert_snapshot!(drawn(&forty, Size { rows: 50, columns: 120 }).lines().take(4).collect::<Vec<_>>().join("\n"), @"
    Waiting for 40 restores: 21 completed, 1 failed, 18 running   55s
    ✔ shard-1   completed               16s
    ✔ shard-2   completed               17s
    ✔ shard-3   completed               18s
    ");
    assert_eq!(drawn(&forty, LARGE).lines().count(), 23, "one that failed, 18 that run, and four others");
}

#[test]
fn four_hundred_jobs_fill_the_terminal() {
    let many = shards(400);

    insta::assert_snapshot!(drawn(&many, NORMAL), @"
    Waiting for 400 restores: 201 completed, 1 failed, 198 running   55s
    ✘ shard-9    failed                  at most 20s
    ⠸ shard-203  ███████████████░  99 %  55s, about 1s left
    ⠸ shard-204  ███████████████░  99 %  55s, about 4s left
    ⠸ shard-205  ███████████████░  98 %  55s, about 7s left
    ⠸ shard-206  ███████████████░  98 %  55s, about 10s left
    ⠸ shard-207  ███████████████░  98 %  55s, about 13s left
    ⠸ shard-208  ███████████████░  97 %  55s, about 16s left
    ⠸ shard-209  ███████████████░  97 %  55s, about 19s left
    ⠸ shard-210  ███████████████░  97 %  55s, about 22s left
    ⠸ shard-211  ███████████████░  96 %  55s, about 25s left
    ⠸ shard-212  ███████████████░  96 %  55s, about 28s left
    ⠸ shard-213  ███████████████░  96 %  55s, about 31s left
    ⠸ shard-214  ███████████████░  96 %  55s, about 34s left
    ⠸ shard-215  ███████████████░  95 %  55s, about 37s left
    ⠸ shard-216  ███████████████░  95 %  55s, about 40s left
    ⠸ shard-217  ███████████████░  95 %  55s, about 43s left
    ⠸ shard-218  ███████████████░  94 %  55s, about 46s left
    ⠸ shard-219  ███████████████░  94 %  55s, about 49s left
    ⠸ shard-220  ███████████████░  94 %  55s, about 52s left
    ⠸ shard-221  ██████████████░░  94 %  55s, about 55s left
      … 179 more running, 201 completed
    Ctrl-C ends the wait, not the restores
    ");
    insta::assert_snapshot!(drawn(&many, SMALL), @"
    400 restores: 201 completed, 1 failed, 198 running   55s
    ✘ shard-9    failed                  at most 20s
    ⠸ shard-203  ███████████████░  99 %  55s, about 1s left
    ⠸ shard-204  ███████████████░  99 %  55s, about 4s left
    ⠸ shard-205  ███████████████░  98 %  55s, about 7s left
    ⠸ shard-206  ███████████████░  98 %  55s, about 10s left
    ⠸ shard-207  ███████████████░  98 %  55s, about 13s left
    ⠸ shard-208  ███████████████░  97 %  55s, about 16s left
    ⠸ shard-209  ███████████████░  97 %  55s, about 19s left
    ⠸ shard-210  ███████████████░  97 %  55s, about 22s left
    ⠸ shard-211  ███████████████░  96 %  55s, about 25s left
    ⠸ shard-212  ███████████████░  96 %  55s, about 28s left
      … 188 more running, 201 completed
    Ctrl-C ends the wait, not the restores
    ");
    assert_eq!(drawn(&many, LARGE).lines().count(), 39);
}

#[test]
fn many_failures_leave_room_for_what_runs() {
    let mut many = shards(40);
    for job in &mut many.jobs[20..] {
        let reason = "HTTP 404: no such restore job";
        let trouble = Some(Trouble { reason, gives_up_in: None });
        *job = Job { outcome: Outcome::NotFound, status: None, trouble, ..job.clone() };
    }
    let many = view(many.jobs);

    insta::assert_snapshot!(drawn(&many, SMALL), @"
    40 restores: 2 completed, 20 not found, 18 running   55s
    ✘ shard-1   not found
      HTTP 404: no such restore job
    ✘ shard-2   not found
      HTTP 404: no such restore job
    ✘ shard-3   not found
      HTTP 404: no such restore job
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
    ⠸ shard-24  ███████████████░  99 %  55s, about 4s left
    ⠸ shard-25  ███████████████░  98 %  55s, about 7s left
    ⠸ shard-26  ███████████████░  98 %  55s, about 10s left
    ⠸ shard-27  ███████████████░  98 %  55s, about 13s left
      … 13 more running, 2 completed, 17 more not found
    Ctrl-C ends the wait, not the restores
    ");
}

#[test]
fn many_jobs_in_trouble_have_one_line_for_each_reason() {
    let mut many = shards(40);
    for (number, job) in many.jobs.iter_mut().enumerate().take(9) {
        let reason = if number < 7 { "HTTP 503: Service Unavailable" } else { "HTTP 500: Internal error" };
        *job = with_trouble(job, reason, 500 + number as u64);
    }
    insta::assert_snapshot!(drawn(&many, SMALL), @"
    40 restores: 21 completed, 1 failed, 18 running   55s
      7 restores: HTTP 503: Service Unavailable;
      gives up in 8m 26s
      2 restores: HTTP 500: Internal error; gives up in 8m 28s
    ✘ shard-9   failed                  at most 20s
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
    ⠸ shard-24  ███████████████░  99 %  55s, about 4s left
    ⠸ shard-25  ███████████████░  98 %  55s, about 7s left
    ⠸ shard-26  ███████████████░  98 %  55s, about 10s left
    ⠸ shard-27  ███████████████░  98 %  55s, about 13s left
    ⠸ shard-28  ███████████████░  97 %  55s, about 16s left
    ⠸ shard-29  ███████████████░  97 %  55s, about 19s left
      … 11 more running, 21 completed
    Ctrl-C ends the wait, not the restores
    ");

    for (number, job) in many.jobs.iter_mut().enumerate().take(9) {
        *job = with_trouble(job, format!("HTTP 404: no shard {number}").leak(), 41);
    }
    insta::assert_snapshot!(drawn(&many, SMALL), @"
    40 restores: 21 completed, 1 failed, 18 running   55s
      shard-32: HTTP 404: no shard 8; gives up in 41s
      shard-33: HTTP 404: no shard 7; gives up in 41s
      shard-34: HTTP 404: no shard 6; gives up in 41s
      … 6 other errors
    ✘ shard-9   failed                  at most 20s
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
    ⠸ shard-24  ███████████████░  99 %  55s, about 4s left
    ⠸ shard-25  ███████████████░  98 %  55s, about 7s left
    ⠸ shard-26  ███████████████░  98 %  55s, about 10s left
    ⠸ shard-27  ███████████████░  98 %  55s, about 13s left
    ⠸ shard-28  ███████████████░  97 %  55s, about 16s left
      … 12 more running, 21 completed
    Ctrl-C ends the wait, not the restores
    ");
}

#[test]
fn a_search_says_how_long_the_list_may_lag() {
    let search = |over, lags| Some(Search { over, lags: Duration::from_secs(lags) });
    let nothing = View { search: search(0, 41), ..view(Vec::new()) };
    insta::assert_snapshot!(drawn(&nothing, NORMAL), @"
    ⠸ looking for unfinished restores … (the list may lag; 41s more)
    Ctrl-C ends the wait, not the restores
    ");

    let trouble = Some(Trouble { reason: "HTTP 500: Internal error", gives_up_in: Some(seconds(546)) });
    let over = view(vec![completed("docs", 0, 9), completed("orders", 1, 8)]);
    let unlisted = View { search: search(2, 0), list_trouble: trouble, ..over };
    insta::assert_snapshot!(drawn(&unlisted, NORMAL), @"
    Waiting for 2 restores: 2 completed   55s
    ⠸ 2 restores are over; looking for others that are unfinished …
      the restores cannot be listed: HTTP 500: Internal error; gives up in 9m 06s
    ✔ docs    completed  9.0s
    ✔ orders  completed  8.0s
    Ctrl-C ends the wait, not the restores
    ");
}

#[test]
fn one_of_several_can_be_enough() {
    let any = View { any: true, ..view(vec![job("docs", 0), job("orders", 1)]) };

    assert_eq!(drawn(&any, NORMAL).lines().next(), Some("Waiting for any of 2 restores: 2 running   55s"));
}

#[test]
fn an_index_that_is_awaited_is_named() {
    let index = Some(Status::parse("Initializing"));
    let awaits = Job { status: Some(&Status::Completed), index_state: index.as_ref(), ..job("docs", 0) };

    insta::assert_snapshot!(lines(&view_of(vec![awaits, job("b", 1)]), NORMAL, PLAIN, 0).join("\n"), @"
    Waiting for 2 restores: 1 waiting for the index, 1 running   55s
    ⠋ docs  Completed, index Initializing  55s
    ⠋ b     Pending                        55s
    Ctrl-C ends the wait, not the restores
    ");
}

/// The same as [`view`], for jobs that do not live for ever.
fn view_of(jobs: Vec<Job<'_>>) -> View<'_> {
    let counts = jobs.iter().map(Job::standing).collect();
    View { jobs, counts, any: false, waited: seconds(55), expected: None, search: None, list_trouble: None }
}

#[test]
fn jobs_of_one_name_are_told_apart_by_their_ids() {
    let again = Job { id: "94a63aeb-efae-4f7a-b059-75d32c27ca57", ..job("orders", 1) };

    insta::assert_snapshot!(drawn(&view(vec![failed("orders", 0), again]), NORMAL), @"
    Waiting for 2 restores: 1 failed, 1 running   55s
    ✘ orders 670e8400  failed   at most 20s
    ⠸ orders 94a63aeb  Pending  55s
    Ctrl-C ends the wait, not the restores
    ");
}

#[test]
fn rows_stay_in_their_places_as_time_passes() {
    let names = |elapsed: u64| {
        let mut view = shards(40);
        for job in &mut view.jobs {
            (job.left, job.percent) = (None, None);
            job.elapsed = Elapsed::Exact(seconds(elapsed));
        }
        let lines = lines(&view, SMALL, PLAIN, 0);
        lines.iter().filter_map(|line| Some(line.split_whitespace().nth(1)?.to_owned())).collect::<Vec<_>>()
    };

    assert_eq!(names(1)[1..], names(4000)[1..]);
    assert_eq!(names(1)[1..4], ["shard-9", "shard-23", "shard-24"]);
}

#[test]
fn lines_fit_terminals_of_any_size() {
    let views = [five(), shards(40), with_history(view(vec![job("docs", 0)]), 40, None)];
    for (rows, columns) in [(0, 0), (1, 1), (2, 9), (3, 20), (4, 30), (5, 200), (9, 45)] {
        for view in &views {
            let lines = lines(view, Size { rows, columns }, PLAIN, 0);

            assert!(lines.len() <= usize::from(rows).saturating_sub(1).max(1), "{rows}: {lines:?}");
            assert!(!lines.is_empty());
            let room = usize::from(columns);
            assert!(columns < 45 || lines.iter().all(|line| measure_text_width(line) < room), "{lines:?}");
        }
    }
}

#[test]
fn ascii_terminals_get_ascii() {
    let style = Style { utf8: false, color: false };
    let lines = lines(&shards(40), SMALL, style, 0);

    assert!(lines.concat().is_ascii(), "{lines:?}");
}

#[test]
fn colors_change_no_text() {
    let reason = "cannot connect to http://127.0.0.1:9: connection refused";
    let mut view = with_history(five(), 40, None);
    view.jobs[3] = with_trouble(&view.jobs[3], reason, 546);
    let colored = lines(&view, NORMAL, Style { utf8: true, color: true }, 3);

    let plain: Vec<_> = colored.iter().map(|line| console::strip_ansi_codes(line)).collect();

    assert_eq!(plain.join("\n"), drawn(&view, NORMAL));
    assert!(colored[1].starts_with("\u{1b}[32m✔\u{1b}[0m docs-search"), "{colored:?}");
    assert!(colored[2].starts_with("\u{1b}[1m\u{1b}[31m✘\u{1b}[0m orders-nightly"), "{colored:?}");
}
