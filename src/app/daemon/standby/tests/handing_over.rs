//! Requests that are handed over, and the lease that is.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_change_is_handed_over_to_the_active_replica() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    database.lock().answer = Some(answer_text(&Ok(serde_json::json!({"changed": true}))));
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);
    let change = Change::Pause(ProjectName::default());

    let (reply, answer) = oneshot::channel();
    standby.react(Wakeup::Request(Request::Change(change.clone(), reply)), &mut daemon);
    standby.hand_over(&mut *database.replica(), &mut daemon);

    assert_eq!(answer.await.unwrap().unwrap(), serde_json::json!({"changed": true}));
    assert_eq!(database.lock().asked, [HandedOverRequest::Change(change).to_text()]);
}

#[tokio::test(start_paused = true)]
async fn handover_leaves_the_lease_to_another_replica() {
    let stage = Stage::begin(Holder::Free, |database| database.lock().others = 1).await;
    pass(MINUTE).await;

    ask_for_handover(&stage);
    pass(Duration::from_secs(5)).await;
    assert_eq!(stage.database.lock().holder, Holder::Other, "the other replica took it");
    let answers = stage.database.lock().answers.clone();
    let begun = parse_answer(&answers[0].text).unwrap();
    assert_eq!((begun["replica"].as_str(), begun["epoch"].as_u64()), (Some("a"), Some(2)));

    let (polls, posts) = stage.counts();
    pass(MINUTE * 5).await;
    assert_eq!(stage.counts(), (polls, posts), "it stands by");
    assert_eq!(stage.stop().await, (Exit::Success, Holder::Other));
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_handover_ends_the_process() {
    let stage = Stage::begin(Holder::Free, |database| {
        let mut content = database.lock();
        (content.others, content.hangs_at_give_back) = (1, true);
    })
    .await;
    pass(MINUTE).await;
    ask_for_handover(&stage);
    pass(Duration::from_secs(4)).await;

    let stopped = tokio::time::timeout(MINUTE, stage.stop()).await;

    assert_eq!(stopped.unwrap().0, Exit::Success);
}

#[tokio::test(start_paused = true)]
async fn lease_that_no_other_replica_takes_is_taken_again() {
    let stage = Stage::begin(Holder::Free, |database| {
        let mut content = database.lock();
        (content.others, content.others_take) = (1, false);
    })
    .await;
    pass(MINUTE).await;

    ask_for_handover(&stage);
    pass(LEASE).await;
    assert_eq!(stage.database.lock().holder, Holder::Free, "it is left to others");
    pass(LEASE * 2).await;

    assert_eq!(stage.database.lock().holder, Holder::Me(3));
}

#[tokio::test(start_paused = true)]
async fn handover_is_refused_without_another_replica() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;

    ask_for_handover(&stage);
    pass(MINUTE).await;

    let answers = stage.database.lock().answers.clone();
    let refused = parse_answer(&answers[0].text).unwrap_err();
    assert_eq!(refused.error, "a stays active: no other replica is there");
    assert_eq!(stage.database.lock().holder, Holder::Me(2));
}

/// Another replica hands over that its client asks for a handover.
fn ask_for_handover(stage: &Stage) {
    stage.database.lock().hand_over(&HandedOverRequest::Handover { ends: None }.to_text());
}
