//! One replica has the lease; the others learn of it, and take it when it is free.

use super::*;
use crate::adapters::store::OtherReplica;
use crate::adapters::store::samples::full;
use crate::model::time::Instant;

/// Looks until another replica is seen to be there.
async fn sees(replica: &mut dyn Replica, name: &str) -> OtherReplica {
    for _ in 0..300 {
        assert!(stands_by(replica).await);
        if let Some(other) = replica.cluster().others.into_iter().find(|other| other.name == name) {
            return other;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{name} is not seen: {:?}", replica.cluster());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_given_back_is_taken_at_the_next_look() {
    let Some(settings) = fresh() else { return };
    let (mut a, mut b) = (named(&settings, "a"), named(&settings, "b"));
    let store = take(&mut *a).await.store;
    store.commit(full().into(), Vec::new()).await.unwrap();
    assert!(stands_by(&mut *b).await);
    let view = b.cluster();
    assert_eq!((view.epoch, view.active.unwrap().name.as_str()), (1, "a"));

    store.give_back().await.unwrap();

    assert!(store.commit(full().into(), Vec::new()).await.unwrap_err().is_deposed());
    assert!(store.lost().await.is_deposed());
    let Look::Taken(opened) = b.look().await.unwrap() else { panic!("it is free") };
    assert_eq!(opened.snapshot.jobs, full().jobs);
    assert_eq!(opened.store.cluster().unwrap().active.unwrap().name, "b");
    assert!(stands_by(&mut *a).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_kept_and_taken_only_after_silence() {
    let Some(settings) = fresh() else { return };
    let (mut a, mut b) = (named(&settings, "a"), named(&settings, "b"));
    let clock = Clock::system();
    let opened = take(&mut *a).await;
    let mut renewals = 0;
    let mut heard = None;
    while renewals < 4 {
        assert!(stands_by(&mut *b).await, "after {renewals} renewals");
        let beat =
            sql(&settings, "SELECT beat FROM restore_watch.clusters").await[0][0].get(0).map(str::to_owned);
        renewals += usize::from(heard.replace(beat.clone()) != Some(beat));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(opened.store.lease().unwrap().holds(clock.now().instant));

    let before = clock.now().instant;
    // As if its process were killed: nothing is given back.
    drop(opened);
    let opened = take(&mut *b).await;

    let silence = clock.now().instant.since(before);
    assert!(silence > settings.cluster.lease / 2, "{silence:?}");
    assert_eq!(opened.store.cluster().unwrap().epoch, 2);
    assert!(stands_by(&mut *a).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_replicas_that_see_a_free_lease_one_takes_it() {
    let Some(settings) = fresh() else { return };
    let mut replicas: Vec<_> = ["a", "b", "c", "d"].map(|name| named(&settings, name)).into();

    let mut looks = Vec::new();
    for mut replica in replicas.drain(..) {
        looks.push(tokio::spawn(async move { matches!(replica.look().await, Ok(Look::Taken(_))) }));
    }
    let mut taken = 0;
    for look in looks {
        taken += usize::from(look.await.unwrap());
    }

    assert_eq!(taken, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_see_each_other_and_who_differs() {
    let Some(settings) = fresh() else { return };
    let (mut a, mut b, mut c) = (named(&settings, "a"), named(&settings, "b"), named(&settings, "c"));
    for (replica, configuration) in [(&a, "1"), (&b, "1"), (&c, "2")] {
        replica.configure(configuration);
    }
    let opened = take(&mut *a).await;
    assert!(stands_by(&mut *c).await);

    let seen_a = sees(&mut *b, "a").await;
    assert!(!seen_a.differs && seen_a.version == env!("CARGO_PKG_VERSION"), "{seen_a:?}");
    let looks_of_c = async {
        for _ in 0..30 {
            assert!(stands_by(&mut *c).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (seen_c, ()) = tokio::join!(sees(&mut *b, "c"), looks_of_c);
    assert!(seen_c.differs, "{seen_c:?}");
    let of_active = opened.store.cluster().unwrap();
    assert_eq!(of_active.replica, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_declines_only_if_another_is_there() {
    let Some(settings) = fresh() else { return };
    let (mut a, mut b) = (named(&settings, "a"), named(&settings, "b"));
    let store = take(&mut *a).await.store;
    let looks_of_b = async {
        for _ in 0..25 {
            assert!(stands_by(&mut *b).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let gives = async {
        for _ in 0..300 {
            if store.cluster().unwrap().others.iter().any(|other| other.name == "b") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(looks_of_b, gives);
    a.decline(Duration::from_secs(3600));
    store.give_back().await.unwrap();
    a.decline(Duration::from_secs(3600));

    assert!(stands_by(&mut *a).await, "b is there");
    assert!(matches!(b.look().await.unwrap(), Look::Taken(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_ends_a_session_that_blocks_it() {
    let Some(settings) = fresh() else { return };
    let mut settings = settings;
    settings.cluster.lease = Duration::from_millis(1500);
    let (mut a, mut b) = (named(&settings, "a"), named(&settings, "b"));
    drop(take(&mut *a).await);
    let blocking = Database::of(&settings).unwrap().connect().await.unwrap();
    let begin = "BEGIN; UPDATE restore_watch.clusters SET batch = batch + 1";
    blocking.client.batch_execute(begin).await.unwrap();

    let mut taken = None;
    for _ in 0..200 {
        match b.look().await {
            Ok(Look::Taken(opened)) => {
                taken = Some(opened);
                break;
            }
            Ok(Look::Standby) => {}
            Err(error) => assert_eq!(error.class, OpenErrorClass::Unreachable, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    assert!(taken.is_some());
    assert!(blocking.client.batch_execute("COMMIT").await.is_err(), "its session is ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_program_is_left_alone() {
    let Some(settings) = fresh() else { return };
    let mut settings = settings;
    settings.cluster.lease = Duration::from_millis(1500);
    let (mut a, mut b) = (named(&settings, "a"), named(&settings, "b"));
    drop(take(&mut *a).await);
    let blocking = Database::of(&settings).unwrap().connect().await.unwrap();
    let begin = "SET application_name = 'psql'; BEGIN; UPDATE restore_watch.clusters SET batch = batch + 1";
    blocking.client.batch_execute(begin).await.unwrap();

    let mut failed = 0;
    while failed < 3 {
        match b.look().await {
            Ok(Look::Standby) => {}
            Ok(Look::Taken(_)) => panic!("it is locked"),
            Err(error) => {
                assert_eq!(error.class, OpenErrorClass::Unreachable, "{error}");
                failed += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    blocking.client.batch_execute("ROLLBACK").await.unwrap();
    take(&mut *b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_keeps_the_holder() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let mut settings = settings(&server.create_database("restarts"));
    settings.cluster.lease = Duration::from_secs(30);
    let mut replica = named(&settings, "a");
    let opened = take(&mut *replica).await;
    opened.store.commit(full().into(), Vec::new()).await.unwrap();

    server.stop_immediate();
    let committed = opened.store.commit(later().into(), Vec::new());
    server.start();

    committed.await.unwrap();
    assert!(opened.store.lease().unwrap().holds(Clock::system().now().instant));
    let row = sql(&settings, "SELECT epoch, batch FROM restore_watch.clusters").await;
    assert_eq!((row[0][0].get(0), row[0][0].get(1)), (Some("1"), Some("2")));
}

fn later() -> crate::engine::Batch {
    crate::engine::Batch { jobs: full().jobs, ..crate::engine::Batch::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_lease_ends_at_its_deadline() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let mut settings = settings(&server.create_database("away"));
    settings.cluster.lease = Duration::from_millis(1500);
    let mut replica = named(&settings, "a");
    let opened = take(&mut *replica).await;
    let committed = opened.store.commit(later().into(), Vec::new());
    committed.await.unwrap();

    server.pause();
    let ended = opened.store.commit(later().into(), Vec::new()).await.unwrap_err();
    server.resume();

    assert!(ended.is_deposed(), "{ended}");
    assert!(!opened.store.lease().unwrap().holds(Instant::default() + Duration::from_secs(3600)));
    drop(opened);
    take(&mut *replica).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_leaves_frees_its_lease_and_its_row() {
    let Some(settings) = fresh() else { return };
    let (mut a, mut b) = (named(&settings, "a"), named(&settings, "b"));
    drop(take(&mut *a).await);
    assert!(stands_by(&mut *b).await, "the lease was not given back");

    a.leave().await;

    assert!(matches!(b.look().await.unwrap(), Look::Taken(_)));
    let rows = sql(&settings, "SELECT name FROM restore_watch.replicas").await;
    let names: Vec<_> = rows.iter().flatten().map(|row| row.get(0).unwrap().to_owned()).collect();
    assert_eq!(names, ["b"]);
}
