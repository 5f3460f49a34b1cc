//! A commit is made for the term that it names, once and in order.

use super::*;
use crate::adapters::store::samples::{change, full, job};
use crate::engine::{Batch, DeliveryChange};

/// The code that a commit of an empty document fails with; none if it is made.
async fn code(link: &Link, epoch: i64, token: &str, number: i64) -> Option<String> {
    let sql = format!("SELECT restore_watch.commit_1('default', {epoch}, '{token}', {number}, '{{}}')");
    let fault = link.ask(&sql, LIMIT).await.err()?;
    Some(fault.code().unwrap_or("none").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_next_batch_of_the_term_is_committed() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    let opened = take(&mut *replica).await;
    opened.store.commit(full().into(), Vec::new()).await.unwrap();
    let link = link(&settings);
    let found = link.ask("SELECT epoch, token, batch FROM restore_watch.clusters", LIMIT).await.unwrap();
    let number = |column| found[0][0].get(column).unwrap().parse::<i64>().unwrap();
    let (epoch, token, batch) = (number(0), found[0][0].get(1).unwrap(), number(2));

    for (epoch_of, token_of, batch_of, expected) in [
        (epoch - 1, token, batch + 1, "RW001"),
        (epoch + 1, token, batch + 1, "RW001"),
        (epoch, "another", batch + 1, "RW001"),
        (epoch, token, batch, "RW002"),
        (epoch, token, batch + 2, "RW003"),
        (epoch, token, batch - 1, "RW003"),
    ] {
        assert_eq!(code(&link, epoch_of, token_of, batch_of).await.as_deref(), Some(expected));
    }
    assert_eq!(code(&link, epoch, token, batch + 1).await, None);
    assert_eq!(code(&link, epoch, token, batch + 1).await.as_deref(), Some("RW002"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposed_replica_does_nothing_more() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    let store = take(&mut *replica).await.store;
    store.commit(full().into(), Vec::new()).await.unwrap();

    sql(&settings, "UPDATE restore_watch.clusters SET epoch = epoch + 1, token = 'b', beat = beat + 1").await;

    let batch = Batch { jobs: vec![job("rj-9", 0)], ..Batch::default() };
    let error = store.commit(batch.into(), Vec::new()).await.unwrap_err();
    assert!(error.is_deposed(), "{error}");
    assert!(error.to_string().contains("another replica has the lease"), "{error}");
    assert!(
        store.payload(&crate::adapters::store::samples::delivery(1, "ops")).await.unwrap_err().is_deposed()
    );
    assert!(store.edits().await.unwrap_err().is_deposed());
    assert!(store.lost().await.is_deposed());
    assert!(!store.lease().unwrap().holds(Clock::system().now().instant));
    let jobs = sql(&settings, "SELECT id FROM restore_watch.jobs").await;
    assert_eq!(jobs[0].len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_is_given_only_under_the_lease() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    let store = take(&mut *replica).await.store;
    store.commit(full().into(), Vec::new()).await.unwrap();

    sql(&settings, "UPDATE restore_watch.clusters SET token = 'b'").await;

    let id = crate::adapters::store::samples::delivery(1, "ops");
    assert!(store.payload(&id).await.unwrap_err().is_deposed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_commits_deposes_and_is_taken_over() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    let opened = take(&mut *replica).await;
    opened.store.commit(full().into(), Vec::new()).await.unwrap();

    sql(&settings, "UPDATE restore_watch.clusters SET batch = batch - 1; DELETE FROM restore_watch.jobs")
        .await;

    let dead = change(1, "ops", DeliveryChange::Dead);
    let error = opened.store.commit(dead.into(), Vec::new()).await.unwrap_err();
    assert!(error.is_deposed() && error.to_string().contains("lost commits"), "{error}");
    drop(opened);
    let opened = take(&mut *replica).await;
    assert_eq!(opened.snapshot.jobs, []);
    let jobs = Batch { jobs: vec![job("rj-1", 0)], ..Batch::default() };
    opened.store.commit(jobs.into(), Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_outlasts_a_broken_connection() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    let opened = take(&mut *replica).await;
    opened.store.commit(full().into(), Vec::new()).await.unwrap();

    sql(
        &settings,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;

    let dead = change(1, "ops", DeliveryChange::Dead);
    opened.store.commit(dead.into(), Vec::new()).await.unwrap();
    let states = sql(&settings, "SELECT state FROM restore_watch.deliveries WHERE state = 'dead'").await;
    assert_eq!(states[0].len(), 1);
}
