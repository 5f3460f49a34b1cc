//! Streams on a state in memory, in paused time.

mod resumption;
mod stage;

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use serde_json::Value;

use stage::{Client, MOMENT, MOST_PINGS, Stage, text};

use super::MAX_CLIENTS;
use crate::model::EventId;
use crate::platform::clock::Clock;

#[tokio::test(start_paused = true)]
async fn what_is_emitted_from_now_on_follows_in_order() {
    let mut stage = Stage::new();
    stage.commit(2);
    let mut client = stage.client().await;

    stage.commit(1);
    stage.commit(3);
    client.drain(&stage).await;

    assert_eq!(client.ids, stage.emitted[2..]);
    let (kind, data) = &client.events[0];
    let published = serde_json::to_value(&*stage.state.events()[2]).unwrap();
    assert_eq!(kind, "project.unauthorized");
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), published);
}

#[tokio::test(start_paused = true)]
async fn headers_forbid_to_keep_or_collect_a_stream() {
    let response = Stage::new().get("/v1/events", None).await;

    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(response.headers()[name], value);
    }
}

#[tokio::test(start_paused = true)]
async fn the_header_replays_and_wins_over_the_parameter() {
    let mut stage = Stage::new();
    stage.commit(250);
    let id = |place: usize| stage.emitted[place].to_string();
    for (path, header, from) in [
        ("/v1/events".to_owned(), Some(id(9)), 10),
        (format!("/v1/events?after={}", id(9)), None, 10),
        (format!("/v1/events?after={}", id(9)), Some(id(199)), 200),
        (format!("/v1/events?after={}", id(9)), Some(String::new()), 10),
        ("/v1/events?after=".to_owned(), None, 250),
        (format!("/v1/events?after={}", EventId::BEFORE_ALL), None, 0),
    ] {
        let response = stage.get(&path, header.as_deref()).await;
        let mut client = Client::of(response);

        client.drain(&stage).await;

        assert_eq!(client.ids, stage.emitted[from..], "{path} {header:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_malformed_id_is_refused() {
    let stage = Stage::new();
    for (path, header, place) in [
        ("/v1/events", Some("7"), "the header `Last-Event-ID` is no id of an event: 7"),
        ("/v1/events?after=x%0Ay", None, "the parameter `after` is no id of an event: x\\ny"),
        ("/v1/events?after=5f3cd4f7-2f6b-4b8e-9a26-0e2fd42dcd22", None, "no id of an event: 5f3cd4f7"),
        ("/v1/events?after=ffffffff-ffff-7fff-bfff-ffffffffffff", None, "no id of an event: ffffffff"),
    ] {
        let response = stage.get(path, header).await;

        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let answer: Value = serde_json::from_str(&text(response).await).unwrap();
        assert!(answer["error"].as_str().unwrap().contains(place), "{answer}");
        assert!(answer["help"].as_str().unwrap().contains("last event that was received"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_gone_stands_for_its_time() {
    let mut stage = Stage::new();
    stage.commit(5);
    let gone = stage.emitted[2].to_string();
    stage.state.events().drain(..3);

    let mut client = Client::after(gone);
    client.connect(&stage).await;
    client.drain(&stage).await;

    assert_eq!(client.ids, stage.emitted[3..]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_of_a_later_time_stands_for_the_last_event() {
    let unknown = "01ffffff-8045-7a74-9000-eec89d64d5c2";
    for events_before in [0, 3] {
        let mut stage = Stage::new();
        stage.commit(events_before);
        let mut client = Client::after(unknown.to_owned());
        client.connect(&stage).await;
        while client.last_event_id == unknown && client.comments < MOST_PINGS {
            client.pull(usize::MAX).await;
        }
        assert_eq!(client.last_event_id, stage.last(), "it comes back with an id that is known");

        stage.commit(2);
        client.drain(&stage).await;

        assert_eq!(client.ids, stage.emitted[events_before..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_cut_off_before_its_first_event_misses_none() {
    for events_before in [0, 3] {
        let mut stage = Stage::new();
        stage.commit(events_before);
        let mut client = stage.client().await;

        client.body = None;
        stage.commit(2);
        client.connect(&stage).await;
        client.drain(&stage).await;

        assert_eq!(client.ids, stage.emitted[events_before..]);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_every_15_seconds() {
    let stage = Stage::new();
    let mut client = stage.client().await;
    client.comments = 0;
    let clock = Clock::system();
    let began = clock.now().instant;

    for pings in 1..=4 {
        assert!(client.pull(usize::MAX).await);

        assert_eq!(client.comments, pings);
        let silent = clock.now().instant.since(began);
        // A timer of paused time may be late by a millisecond.
        assert_eq!(silent.as_millis() / 10, 1500 * pings as u128);
    }
    assert!(client.events.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_read_delays_neither_head_nor_pings() {
    let mut stage = Stage::new();
    stage.state.is_slow.store(true, Ordering::Relaxed);
    let mut clients = Vec::new();
    for _ in 0..3 {
        let response = tokio::time::timeout(MOMENT, stage.get("/v1/events", None)).await.expect("a head");
        clients.push(Client::of(response));
    }

    for client in &mut clients {
        for pings in 0..4 {
            assert!(client.pull(usize::MAX).await);
            assert_eq!(client.comments, pings);
        }
    }

    // The second one takes nothing from here on.
    stage.state.is_slow.store(false, Ordering::Relaxed);
    for client in [0, 2] {
        clients[client].drain(&stage).await;
    }
    stage.commit(1);
    for client in [0, 2] {
        clients[client].drain(&stage).await;
        assert_eq!(clients[client].ids, stage.emitted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_read_of_the_history_delays_no_stream() {
    let mut stage = Stage::new();
    let mut client = stage.client().await;
    stage.commit(1);
    stage.state.is_history_slow.store(true, Ordering::Relaxed);
    let mut history = Box::pin(stage.get("/v1/history", None));
    assert!(tokio::time::timeout(MOMENT, &mut history).await.is_err());

    client.drain(&stage).await;

    assert_eq!(client.ids, stage.emitted);
    stage.state.is_history_slow.store(false, Ordering::Relaxed);
    assert_eq!(history.await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn places_are_bounded_and_freed_by_clients_that_leave() {
    let stage = Stage::new();
    let mut clients = Vec::new();
    for _ in 0..MAX_CLIENTS {
        clients.push(stage.client().await);
    }

    let refused = stage.get("/v1/events", None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "15");
    assert_eq!(text(refused).await, "64 clients follow the events already; try again in 15 s\n");

    clients.pop();
    clients.push(stage.client().await);
}

#[tokio::test(start_paused = true)]
async fn clients_that_read_nothing_delay_none() {
    let mut stage = Stage::new();
    let mut stalled = Vec::new();
    for _ in 1..MAX_CLIENTS {
        stalled.push(stage.client().await);
    }
    let mut client = stage.client().await;

    stage.commit(250);
    client.drain(&stage).await;
    assert_eq!(client.ids, stage.emitted);

    for client in &mut stalled {
        client.drain(&stage).await;
        assert_eq!(client.ids, stage.emitted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_read_once_for_all_clients() {
    let mut stage = Stage::new();
    let mut clients = Vec::new();
    for _ in 0..MAX_CLIENTS {
        let mut client = stage.client().await;
        client.drain(&stage).await;
        clients.push(client);
    }

    for _ in 0..3 {
        let before = stage.state.reads.load(Ordering::Relaxed);
        stage.commit(2);
        for client in &mut clients {
            client.drain(&stage).await;
        }

        assert_eq!(stage.state.reads.load(Ordering::Relaxed) - before, 1);
        assert!(clients.iter().all(|client| client.ids == stage.emitted));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_daemon_stops() {
    let stage = Stage::new();
    let mut client = stage.client().await;

    drop(stage);

    assert!(client.pull(usize::MAX).await, "its last part is empty");
    assert!(!client.pull(usize::MAX).await);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_if_the_state_cannot_be_read() {
    let mut stage = Stage::new();
    let mut client = stage.client().await;
    client.drain(&stage).await;

    stage.state.is_broken.store(true, Ordering::Relaxed);
    stage.commit(1);
    while client.pull(usize::MAX).await {}
    let begun = stage.get("/v1/events", None).await;
    assert_eq!(begun.status(), StatusCode::OK, "browsers come back to a stream, not to an error");
    assert!(!text(begun).await.contains("id:"));

    stage.state.is_broken.store(false, Ordering::Relaxed);
    client.connect(&stage).await;
    client.drain(&stage).await;
    assert_eq!(client.ids, stage.emitted);
}
