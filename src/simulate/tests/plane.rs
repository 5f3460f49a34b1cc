//! Jobs, lists, indexes and keys.

use std::collections::HashMap;

use serde_json::json;

use super::{client, get, json, pass, play};

#[tokio::test(start_paused = true)]
async fn a_job_of_the_older_description_from_start_to_end() {
    let simulator = play(
        r#"
        fraction_digits = 0
        [[job]]
        id = "rj-1"
        backup_id = "b-1"
        index = "docs"
        index_id = "i-1"
        takes = "1h"
        progress = "linear"
        "#,
    )
    .await;

    pass(900.0).await;
    let expected = json!({
        "restore_job_id": "rj-1", "backup_id": "b-1", "target_index_name": "docs", "target_index_id": "i-1",
        "status": "Pending", "created_at": "2026-11-23T12:00:00Z", "percent_complete": 25.0,
    });
    let (status, mut job) = json(&simulator, "/restore-jobs/rj-1").await;
    // Times are tokio's, which moves by whole milliseconds.
    let percent = job["percent_complete"].take().as_f64().unwrap();

    assert!(job["percent_complete"].is_null() && (25.0..25.01).contains(&percent), "{percent}");

    job["percent_complete"] = json!(25.0);
    assert_eq!((status, job), (200, expected.clone()));

    pass(2700.0).await;
    let (_, job) = json(&simulator, "/restore-jobs/rj-1").await;
    let mut ended = expected;
    ended["status"] = json!("Completed");
    ended["completed_at"] = json!("2026-11-23T13:00:00Z");
    ended["percent_complete"] = json!(100.0);

    assert_eq!(job, ended);
}

#[tokio::test(start_paused = true)]
async fn a_job_of_the_newer_description() {
    let simulator = play(
        r#"
        answers = "2026-07"
        timestamps = "offset"
        fraction_digits = 3
        [[job]]
        id = "rj-1"
        age = "1.5s"
        takes = "10s"
        extra = { region = "eu", nested = { a = [1, 2] } }
        [[job]]
        id = "rj-2"
        takes = "10s"
        ends = "failed"
        created_at = "null"
        "#,
    )
    .await;

    let (_, job) = json(&simulator, "/restore-jobs/rj-1").await;

    assert_eq!(job["created_at"], "2026-11-23T11:59:58.500+00:00");
    assert_eq!(job["completed_at"], json!(null));
    assert_eq!(job["nested"], json!({ "a": [1, 2] }));
    assert!(job.as_object().unwrap().contains_key("completed_at"));
    assert_eq!(job.get("percent_complete"), None);

    pass(10.0).await;
    let (_, job) = json(&simulator, "/restore-jobs/rj-1").await;

    assert_eq!(job["percent_complete"].to_string(), "100");
    assert_eq!(job["completed_at"], "2026-11-23T12:00:08.500+00:00");

    let (_, job) = json(&simulator, "/restore-jobs/rj-2").await;
    assert_eq!((&job["status"], &job["completed_at"]), (&json!("Failed"), &json!(null)));
    assert_eq!((job.get("percent_complete"), &job["created_at"]), (None, &json!(null)));
}

#[tokio::test(start_paused = true)]
async fn unknown_ids_paths_and_methods_are_404() {
    let simulator =
        play("[[job]]\nid = \"late/1\"\nappears = \"30s\"\n[[job]]\nid = \"rj-2\"\nvanishes = \"10s\"").await;
    let (status, body) = json(&simulator, "/restore-jobs/late%2F1").await;

    assert_eq!(status, 404);

    let error = json!({ "code": "NOT_FOUND", "message": "Restore job late/1 not found." });
    assert_eq!(body, json!({ "error": error, "status": 404 }));
    assert_eq!(json(&simulator, "/restore-jobs/rj-2").await.0, 200);
    assert_eq!(json(&simulator, "/restore-jobs").await.1["data"].as_array().unwrap().len(), 1);

    pass(30.0).await;
    assert_eq!(json(&simulator, "/restore-jobs/late%2F1").await.0, 200);
    assert_eq!(json(&simulator, "/restore-jobs/rj-2").await.0, 404);

    for path in ["/restore-jobs/", "/", "/backups", "/indexes/none", "/restore-jobs/%ff"] {
        let (status, body) = json(&simulator, path).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("NOT_FOUND")), "{path}");
    }
    let post = client().post(format!("{}/restore-jobs", simulator.url())).header("Api-Key", "k");

    assert_eq!(post.send().await.unwrap().status(), 404);
}

#[tokio::test(start_paused = true)]
async fn pages_are_walked_to_the_end() {
    let simulator =
        play("[list]\nawkward_tokens = true\n[[job]]\nid = \"rj\"\ncount = 200\nage_step = \"1s\"").await;
    let (mut path, mut ids, mut pages) = ("/restore-jobs?limit=100".to_owned(), Vec::new(), 0);

    loop {
        let (status, page) = json(&simulator, &path).await;
        assert_eq!(status, 200);
        pages += 1;
        ids.extend(page["data"].as_array().unwrap().iter().map(|job| job["restore_job_id"].to_string()));
        let Some(token) = page["pagination"]["next"].as_str() else {
            assert_eq!(page.as_object().unwrap().get("pagination"), Some(&json!(null)));
            break;
        };
        let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        path = format!("/restore-jobs?paginationToken={token}");
    }

    // Both pages are full, and a full page carries a token.
    assert_eq!(pages, 3);

    let expected: Vec<String> = (1..=200).map(|number| format!("\"rj-{number}\"")).collect();
    assert_eq!(ids, expected);
}

#[tokio::test(start_paused = true)]
async fn bad_limits_and_tokens_are_refused() {
    for (answers, rows) in [("2026-04", 10), ("2026-07", 100)] {
        let simulator = play(&format!("answers = \"{answers}\"\n[[job]]\nid = \"rj\"\ncount = 150")).await;
        assert_eq!(json(&simulator, "/restore-jobs").await.1["data"].as_array().unwrap().len(), rows);
        for query in ["limit=0", "limit=101", "limit=ten", "limit=", "paginationToken=x", "paginationToken="]
        {
            let (status, body) = json(&simulator, &format!("/restore-jobs?{query}")).await;
            assert_eq!((status, &body["error"]["code"]), (400, &json!("INVALID_ARGUMENT")), "{query}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keys_come_and_go() {
    let simulator = play(
        r#"
        api_key = "one"
        revoked = [{ from = "10s", to = "20s" }]
        [[key_change]]
        at = "30s"
        api_key = "two"
        [[job]]
        id = "rj-1"
        "#,
    )
    .await;

    let url = format!("{}/restore-jobs/rj-1", simulator.url());
    let ask = async |key: Option<&str>| {
        let request = client().get(&url);
        let request = match key {
            Some(key) => request.header("Api-Key", key).header("X-Pinecone-Api-Version", "2026-04"),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };

    assert_eq!(
        [ask(None).await, ask(Some("")).await, ask(Some("two")).await, ask(Some("one")).await],
        [401, 401, 401, 200]
    );

    pass(10.0).await;
    assert_eq!(ask(Some("one")).await, 401);

    pass(10.0).await;
    assert_eq!(ask(Some("one")).await, 200);

    pass(10.0).await;
    assert_eq!([ask(Some("one")).await, ask(Some("two")).await], [401, 200]);

    let requests = simulator.requests();
    assert_eq!((requests.len(), simulator.count()), (8, 8));

    let last = requests.last().unwrap();
    assert_eq!(
        (last.method.as_str(), last.path.as_str(), last.answered),
        ("GET", "/restore-jobs/rj-1", Some(200))
    );
    assert_eq!((last.version.as_deref(), last.user_agent.as_deref()), (Some("2026-04"), Some("tests/1")));
    assert!(last.key_accepted && !requests[0].key_accepted && requests[0].version.is_none());
    assert!((30.0..30.1).contains(&last.at.as_secs_f64()));
    assert!(
        !format!("{requests:?}{simulator:?}").contains("two")
            && !format!("{simulator:?}").contains("\"one\"")
    );
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_401_and_of_a_403() {
    for (head, content_type, body) in [
        (
            "answers = \"2026-04\"",
            "application/json",
            r#"{"error":{"code":"UNAUTHENTICATED","message":"Invalid API key."},"status":401}"#,
        ),
        ("answers = \"2026-07\"", "text/plain; charset=utf-8", "Invalid API key"),
        ("unauthorized = \"text\"", "text/plain; charset=utf-8", "Invalid API key"),
    ] {
        let simulator = play(&format!("{head}\napi_key = \"other\"\n[[job]]\nid = \"rj-1\"")).await;
        let response = get(&simulator, "/restore-jobs/rj-1").await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (401, &content_type.parse().unwrap())
        );
        assert_eq!(response.text().await.unwrap(), body);
    }

    let simulator = play("forbidden = true\n[[job]]\nid = \"rj-1\"").await;
    let (status, body) = json(&simulator, "/restore-jobs").await;

    assert_eq!((status, &body["error"]["code"]), (403, &json!("PERMISSION_DENIED")));
    assert_eq!(json(&simulator, "/restore-jobs/rj-1").await.0, 403);
    assert_eq!(json(&simulator, "/indexes/none").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn indexes_follow_their_jobs_or_their_script() {
    let simulator = play(
        r#"
        [[job]]
        id = "good"
        index = "good"
        takes = "10s"
        ready_after = "5s"
        [[job]]
        id = "bad"
        index = "bad"
        takes = "10s"
        ends = "failed"
        [[index]]
        name = "own"
        appears = "5s"
        ready_after = "20s"
        states = [{ at = "12s", state = "ScalingUp", ready = true }]
        "#,
    )
    .await;

    let states = async || {
        let mut states = HashMap::new();
        for name in ["good", "bad", "own"] {
            let (http, body) = json(&simulator, &format!("/indexes/{name}")).await;
            let state = body["status"]["state"].as_str().unwrap_or("none").to_owned();
            states.insert(name, (http, state, body["status"]["ready"] == true));
        }
        states
    };

    let initializing = (200, "Initializing".to_owned(), false);
    let gone = (404, "none".to_owned(), false);
    let ready = (200, "Ready".to_owned(), true);
    let expect = |good, bad, own| HashMap::from([("good", good), ("bad", bad), ("own", own)]);

    assert_eq!(states().await, expect(initializing.clone(), initializing.clone(), gone.clone()));

    pass(12.0).await;
    let scaling = (200, "ScalingUp".to_owned(), true);

    assert_eq!(states().await, expect(initializing, gone.clone(), scaling));

    pass(10.0).await;
    assert_eq!(states().await, expect(ready.clone(), gone, ready));
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_it_is_dropped() {
    let simulator = play("[[job]]\nid = \"rj-1\"\n[[fault]]\nkind = \"hang\"\nrequests = [2]").await;
    let url = format!("{}/restore-jobs/rj-1", simulator.url());
    let client = client();
    let ask = || client.get(&url).header("Api-Key", "k").send();
    assert!(ask().await.unwrap().status().is_success());
    // One request is under way, and one connection is idle, when it ends.
    let hanging = tokio::spawn(ask());
    pass(1.0).await;
    assert_eq!((simulator.count(), simulator.connections()), (2, 1));
    drop(simulator);
    assert!(!hanging.await.unwrap().unwrap_err().is_timeout());
    assert!(ask().await.unwrap_err().is_connect());
}
