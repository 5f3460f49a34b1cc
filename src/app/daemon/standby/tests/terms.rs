//! The terms of a process, and the time between them.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_free_lease_is_taken_and_the_watch_begins() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;

    pass(MINUTE * 5).await;

    assert_eq!(stage.database.lock().holder, Holder::Me(2));
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
    assert_eq!(stage.receiver.count(), stage.database.lock().disk.delivered().len());
}

#[tokio::test(start_paused = true)]
async fn a_standby_asks_and_sends_nothing() {
    let stage = Stage::begin(Holder::Other, |_| {}).await;

    pass(MINUTE * 5).await;

    assert_eq!(stage.counts(), (0, 0));
    assert_eq!(stage.database.lock().snapshots, 0, "the state is read if a question asks for it");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_at_the_next_look() {
    let stage = Stage::begin(Holder::Other, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().holder = Holder::Free;
    pass(Duration::from_secs(2)).await;

    assert!(stage.plane.count() > 0);
}

#[tokio::test(start_paused = true)]
async fn a_replica_deposed_by_a_commit_stands_by() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().steals_at_commit = true;
    pass(MINUTE * 3).await;
    assert_eq!(stage.database.lock().holder, Holder::Other, "the end of rj-2 was to be committed");
    let (polls, posts) = stage.counts();
    pass(MINUTE * 5).await;
    assert_eq!(stage.counts(), (polls, posts));
    assert!(!stage.kinds().contains(&EventKind::Completed));

    stage.database.lock().holder = Holder::Free;
    pass(MINUTE).await;
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
    assert_eq!(stage.stop().await, (Exit::Success, Holder::Free));
}

/// Each term begins with a poll of every job and an attempt at every pending delivery.
#[tokio::test(start_paused = true)]
async fn terms_without_commits_follow_each_other_ever_more_slowly() {
    let stage = Stage::begin(Holder::Free, |database| database.lock().refuses_commits = true).await;

    pass(MINUTE * 8).await;
    {
        let mut content = stage.database.lock();
        assert_eq!(content.holder, Holder::Free, "it is given back");
        assert!((6..=11).contains(&content.epoch), "{} terms", content.epoch - 1);
        content.refuses_commits = false;
    }
    assert!(stage.plane.count() <= 2 * 10, "{} polls", stage.plane.count());
    assert_eq!(stage.receiver.count(), 0);

    pass(MINUTE * 8).await;
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_process_begins_nothing_past_its_deadline() {
    for after in [Duration::from_secs(20), MINUTE, MINUTE * 2] {
        let stage = Stage::begin(Holder::Free, |_| {}).await;
        pass(after).await;

        // Another replica took over while nothing of this process ran.
        stage.database.steal();
        let counts = stage.counts();
        tokio::time::advance(MINUTE * 60).await;
        pass(MINUTE * 5).await;

        assert_eq!(stage.counts(), counts, "after {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_begins_nothing_while_it_cannot_renew_its_lease() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().is_reachable = false;
    pass(LEASE).await;
    let counts = stage.counts();
    pass(MINUTE * 20).await;
    assert_eq!(stage.counts(), counts);

    // No other replica took the lease.
    {
        let mut content = stage.database.lock();
        (content.is_reachable, content.holder) = (true, Holder::Free);
    }
    pass(MINUTE).await;
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_a_lease_changes_nothing() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().is_reachable = false;
    pass(Duration::from_secs(6)).await;
    stage.database.lock().is_reachable = true;
    pass(MINUTE * 5).await;

    assert_eq!(stage.database.lock().holder, Holder::Me(2));
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_the_lease_back_after_the_last_commit() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE * 3 + Duration::from_secs(20)).await;
    let disk = stage.database.clone();

    assert_eq!(stage.stop().await, (Exit::Success, Holder::Free));

    let content = disk.lock();
    assert_eq!(content.disk.delivered().len(), content.disk.deliveries().len(), "nothing is pending");
}

#[tokio::test(start_paused = true)]
async fn a_standby_stops_at_once() {
    let clock = Clock::set_to(START.parse().unwrap());
    let stage = Stage::begin(Holder::Other, |_| {}).await;
    pass(MINUTE).await;

    let begun = clock.now().instant;
    assert_eq!(stage.stop().await, (Exit::Success, Holder::Other));
    assert_eq!(clock.now().instant.since(begun), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_comes_up_later_ends_nothing() {
    let stage = Stage::begin(Holder::Free, |database| database.lock().is_reachable = false).await;
    pass(MINUTE * 60).await;
    assert_eq!(stage.counts(), (0, 0));

    stage.database.lock().is_reachable = true;
    pass(MINUTE).await;

    assert!(stage.plane.count() > 0);
}

/// As the campaign of kills asserts it for a process and its successor.
#[tokio::test(start_paused = true)]
async fn terms_of_one_process_emit_what_one_term_does() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;

    for _ in 0..8 {
        pass(Duration::from_secs(25)).await;
        stage.database.steal();
        pass(LEASE).await;
        stage.database.lock().holder = Holder::Free;
    }
    pass(MINUTE * 5).await;

    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
    let content = stage.database.lock();
    assert_eq!(content.disk.delivered().len(), content.disk.deliveries().len());
    let received: BTreeSet<_> =
        stage.receiver.received().iter().map(|post| post.header("webhook-id").unwrap().to_owned()).collect();
    assert_eq!(received.len(), content.disk.deliveries().len(), "one id for each delivery");
}
