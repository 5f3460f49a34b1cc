//! Lines for more restores than there are rows: which of them are shown, and how the others are
//! counted.

use super::*;

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
    insta::assert_snapshot!(outlined(&forty, SMALL), @"
    40 restores: 21 completed, 1 failed, 18 running   55s
    ✘ shard-9   failed                  at most 20s
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
      (7 rows)
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

    insta::assert_snapshot!(outlined(&many, NORMAL), @"
    Waiting for 400 restores: 201 completed, 1 failed, 198 running   55s
    ✘ shard-9    failed                  at most 20s
    ⠸ shard-203  ███████████████░  99 %  55s, about 1s left
      (17 rows)
    ⠸ shard-221  ██████████████░░  94 %  55s, about 55s left
      … 179 more running, 201 completed
    Ctrl-C ends the wait, not the restores
    ");
    insta::assert_snapshot!(outlined(&many, SMALL), @"
    400 restores: 201 completed, 1 failed, 198 running   55s
    ✘ shard-9    failed                  at most 20s
    ⠸ shard-203  ███████████████░  99 %  55s, about 1s left
      (8 rows)
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

    insta::assert_snapshot!(outlined(&many, SMALL), @"
    40 restores: 2 completed, 20 not found, 18 running   55s
    ✘ shard-1   not found
      HTTP 404: no such restore job
    ✘ shard-2   not found
      HTTP 404: no such restore job
    ✘ shard-3   not found
      HTTP 404: no such restore job
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
      (3 rows)
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
    insta::assert_snapshot!(outlined(&many, SMALL), @"
    40 restores: 21 completed, 1 failed, 18 running   55s
      7 restores: HTTP 503: Service Unavailable;
      gives up in 8m 26s
      2 restores: HTTP 500: Internal error; gives up in 8m 28s
    ✘ shard-9   failed                  at most 20s
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
      (5 rows)
    ⠸ shard-29  ███████████████░  97 %  55s, about 19s left
      … 11 more running, 21 completed
    Ctrl-C ends the wait, not the restores
    ");

    for (number, job) in many.jobs.iter_mut().enumerate().take(9) {
        *job = with_trouble(job, format!("HTTP 404: no shard {number}").leak(), 41);
    }
    insta::assert_snapshot!(outlined(&many, SMALL), @"
    40 restores: 21 completed, 1 failed, 18 running   55s
      shard-32: HTTP 404: no shard 8; gives up in 41s
      shard-33: HTTP 404: no shard 7; gives up in 41s
      shard-34: HTTP 404: no shard 6; gives up in 41s
      … 6 other errors
    ✘ shard-9   failed                  at most 20s
    ⠸ shard-23  ███████████████░  99 %  55s, about 1s left
      (4 rows)
    ⠸ shard-28  ███████████████░  97 %  55s, about 16s left
      … 12 more running, 21 completed
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
