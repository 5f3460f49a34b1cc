//! Lines for a few restores: each has its own, in the order in which they were named.

use super::*;

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
fn one_of_several_can_be_enough() {
    let any = View { any: true, ..view(vec![job("docs", 0), job("orders", 1)]) };

    assert_eq!(drawn(&any, NORMAL).lines().next(), Some("Waiting for any of 2 restores: 2 running   55s"));
}

#[test]
fn an_index_that_is_awaited_is_named() {
    let index = Some(Status::parse("Initializing"));
    let awaits = Job { status: Some(&Status::Completed), index_state: index.as_ref(), ..job("docs", 0) };

    insta::assert_snapshot!(lines(&view(vec![awaits, job("b", 1)]), NORMAL, PLAIN, 0).join("\n"), @"
    Waiting for 2 restores: 1 waiting for the index, 1 running   55s
    ⠋ docs  Completed, index Initializing  55s
    ⠋ b     Pending                        55s
    Ctrl-C ends the wait, not the restores
    ");
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
