//! Lines for one restore: it has no headline, and below it stands what is known of it.

use super::*;

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
