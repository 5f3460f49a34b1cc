//! What a replica that stands by answers and shows.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_reload_while_standing_by_is_for_the_next_term() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let before = present.fingerprint();
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);

    let loaded = Loaded {
        setup: setup(&plane, &receiver, &["rj-1", "rj-2"]),
        monitor: None,
        token: None,
        drain_timeout: MINUTE,
        fixed: Fixed { state: None, log: LogFormat::Human, http: HttpSettings::default() },
        warnings: Vec::new(),
    };
    standby.react(Wakeup::Loaded(Box::new(Ok(loaded))), &mut daemon);

    assert!(standby.is_reconfigured);
    assert_ne!(present.fingerprint(), before);
    assert_eq!(present.named_jobs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_status_of_a_standby_shows_what_is_committed() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);
    let mut replica = database.replica();

    let mut answers = Vec::new();
    for _ in 0..5 {
        let (reply, answer) = oneshot::channel();
        let question = Question::Status(StatusQuery::default(), reply);
        standby.react(Wakeup::Question(question), &mut daemon);
        answers.push(answer);
    }
    standby.questions.begin(&mut *replica, clock.now());
    let read = standby.questions.read().await;
    standby.questions_read(read, &daemon);

    for answer in answers {
        let part = answer.await.unwrap().unwrap();
        let DaemonStatus { summary, cluster, troubles, .. } = part.status.daemon;
        assert_eq!(summary, "standby; unfinished: 1 restore");
        assert_eq!(cluster.unwrap().role, Role::Standby);
        assert_eq!(troubles, [""; 0]);
        assert_eq!(part.status.jobs[0].next_poll_at, None, "it is not this replica that polls");
    }
    assert_eq!(database.lock().snapshots, 1, "one read answers all");
}

/// The status that a standby answers a client with.
async fn answered(standby: &mut Standby<'_>, daemon: &mut Daemon, database: &Database) -> Status {
    let (reply, answer) = oneshot::channel();
    standby.react(Wakeup::Question(Question::Status(StatusQuery::default(), reply)), daemon);
    standby.questions.begin(&mut *database.replica(), standby.clock.now());
    // None is under way if what is known is fresh.
    if let Ok(read) = tokio::time::timeout(Duration::from_millis(1), standby.questions.read()).await {
        standby.questions_read(read, daemon);
    }
    answer.await.unwrap().unwrap().status
}

#[tokio::test(start_paused = true)]
async fn ages_go_on_after_the_last_commit() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;
    let clock = Clock::set_to("2026-11-23T13:00:00Z".parse().unwrap());
    let mut present = setup(&stage.plane, &stage.receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &stage.database, clock);

    let status = answered(&mut standby, &mut daemon, &stage.database).await;

    let Elapsed::Exact(age) = status.jobs[0].elapsed else { panic!("rj-1 runs") };
    assert!(age.abs_diff(Duration::from_hours(1)) < Duration::from_secs(5), "{age:?}");
}

#[tokio::test(start_paused = true)]
async fn a_status_after_a_change_reads_the_state_again() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    database.lock().answer = Some(answer_text(&Ok(serde_json::json!({"changed": true}))));
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);
    for _ in 0..2 {
        answered(&mut standby, &mut daemon, &database).await;
    }
    assert_eq!(database.lock().snapshots, 1, "what is known is fresh");

    let (reply, answer) = oneshot::channel();
    let change = Change::Pause(ProjectName::default());
    standby.react(Wakeup::Request(Request::Change(change, reply)), &mut daemon);
    standby.hand_over(&mut *database.replica(), &mut daemon);
    answer.await.unwrap().unwrap();
    answered(&mut standby, &mut daemon, &database).await;

    assert_eq!(database.lock().snapshots, 2);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_refused_if_the_state_cannot_be_read() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    database.lock().is_reachable = false;
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);

    let (reply, answer) = oneshot::channel();
    standby.react(Wakeup::Question(Question::Daemon(reply)), &mut daemon);
    standby.questions.begin(&mut *database.replica(), clock.now());
    let read = standby.questions.read().await;
    standby.questions_read(read, &daemon);

    assert_eq!(answer.await.unwrap().unwrap_err().error, "this replica stands by and cannot read the state");
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_say_what_is_wrong() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, _daemon) = standby(&mut present, &database, clock);

    assert_eq!(standby.status_line(), "standby: b is active (since 0s, heard 1s ago)");
    assert_eq!(standby.trouble(false), None);

    database.lock().holder = Holder::Free;
    assert!(standby.judge(Ok(Look::Standby), Replica::cluster(&database)).is_none());
    assert_eq!(standby.trouble(false).as_deref(), Some("no replica is active"));

    assert!(standby.judge(Err(database::unreachable()), Replica::cluster(&database)).is_none());
    assert_eq!(standby.status_line(), "standby: the state cannot be reached");
    assert_eq!(standby.trouble(false).as_deref(), Some("the state cannot be reached"));
    assert_eq!(standby.stuck(), None);
}
