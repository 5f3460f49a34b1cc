//! Each kind of fault, as it arrives.

use std::io::ErrorKind;

use serde_json::{Value, json};

use super::{get, json, pass, play, raw};

const JOB: &str = "/restore-jobs/rj-1";

fn with(fault: &str) -> String {
    format!("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"1h\"\n[[fault]]\n{fault}\n")
}

#[tokio::test(start_paused = true)]
async fn statuses_and_their_bodies() {
    for (body, content_type, expected) in [
        (
            "",
            "application/json",
            r#"{"error":{"code":"UNAVAILABLE","message":"Service Unavailable"},"status":503}"#,
        ),
        ("body = \"message\"", "application/json", r#"{"message":"Service Unavailable"}"#),
        ("body = \"text\"", "text/plain; charset=utf-8", "Service Unavailable"),
        ("body = \"empty\"", "text/plain; charset=utf-8", ""),
        ("body = \"json\"\nbody_text = \"{\"", "application/json", "{"),
    ] {
        let simulator = play(&with(&format!("kind = \"status\"\nstatus = 503\n{body}"))).await;
        let response = get(&simulator, JOB).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (503, &content_type.parse().unwrap())
        );
        assert_eq!(response.text().await.unwrap(), expected);
        assert_eq!(simulator.requests()[0].answered, Some(503));
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_its_forms() {
    for (key, expected) in [
        ("retry_after = \"7s\"", "7"),
        ("retry_after = \"1500ms\"", "2"),
        ("retry_after = \"90s\"\nretry_after_date = true", "Mon, 23 Nov 2026 12:01:30 GMT"),
        ("retry_after_raw = \"soon\"", "soon"),
    ] {
        let simulator = play(&with(&format!("kind = \"status\"\nstatus = 429\n{key}"))).await;
        let response = get(&simulator, JOB).await.unwrap();
        let date = response.headers()["date"].to_str().unwrap();
        assert!(date.starts_with("Mon, 23 Nov 2026 12:00:0"), "{date}");
        let sent = response.headers()["retry-after"].to_str().unwrap();
        // A millisecond of the way there may have passed, which moves a date to the next second.
        assert!(sent == expected || sent == expected.replace(":30 ", ":31 "), "{sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn good_statuses_with_bad_bodies() {
    for (kind, check) in [
        (
            "bad_json",
            (|body| !body.is_empty() && serde_json::from_str::<Value>(body).is_err()) as fn(&str) -> bool,
        ),
        ("wrong_type", |body| body == "[]"),
        ("html", |body| body.starts_with("<!DOCTYPE html>")),
        ("empty", str::is_empty),
        ("other_job", |body| {
            let body: Value = serde_json::from_str(body).unwrap();
            body["restore_job_id"] == "00000000-0000-4000-8000-000000000000"
                && body["target_index_name"] == "docs"
        }),
    ] {
        let simulator = play(&with(&format!("kind = \"{kind}\""))).await;
        let response = get(&simulator, JOB).await.unwrap();
        assert_eq!(response.status(), 200, "{kind}");
        let body = response.text().await.unwrap();
        assert!(check(&body), "{kind}: {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_types_take_turns() {
    let simulator = play(&with("kind = \"wrong_type\"")).await;
    for expected in [json!([]), json!(42), Value::Null] {
        assert_eq!(json(&simulator, JOB).await.1, expected);
    }
    assert_eq!(json(&simulator, JOB).await.1["restore_job_id"], 7);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_brings_no_byte() {
    let simulator = play(&with("kind = \"drop\"\ndelay = \"2s\"")).await;
    assert_eq!(raw(&simulator, JOB).await, (Vec::new(), None));
    assert_eq!(simulator.requests()[0].answered, None);
    let error = get(&simulator, JOB).await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reset_connection_brings_no_byte_and_an_error() {
    let simulator = play(&with("kind = \"reset\"")).await;
    assert_eq!(raw(&simulator, JOB).await, (Vec::new(), Some(ErrorKind::ConnectionReset)));
}

#[tokio::test(start_paused = true)]
async fn a_truncated_body_is_shorter_than_promised() {
    let simulator = play(&with("kind = \"truncated\"")).await;
    let (bytes, _) = raw(&simulator, JOB).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(body.len(), promised.parse::<usize>().unwrap().div_ceil(2));
    assert!(get(&simulator, JOB).await.unwrap().text().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_hanging_request_ends_by_the_client_time_limit() {
    let simulator = play(&with("kind = \"hang\"\nfirst = 1")).await;
    assert!(get(&simulator, JOB).await.unwrap_err().is_timeout());
    assert_eq!(get(&simulator, JOB).await.unwrap().status(), 200);
    assert!((10.0..10.1).contains(&simulator.requests()[1].at.as_secs_f64()));

    let simulator = play(&with("kind = \"hang\"")).await;
    assert_eq!(raw(&simulator, JOB).await, (Vec::new(), None), "and with the hour");
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_comes_byte_by_byte() {
    let simulator = play(&with("kind = \"slow_body\"\npace = \"10ms\"")).await;
    let mut response = get(&simulator, JOB).await.unwrap();
    let (mut bytes, mut pieces) = (Vec::new(), 0);
    while let Some(piece) = response.chunk().await.unwrap() {
        bytes.extend_from_slice(&piece);
        pieces += 1;
    }
    assert!(pieces > 100, "{pieces}");
    assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap()["restore_job_id"], "rj-1");

    let simulator = play(&with("kind = \"slow_body\"")).await;
    assert!(get(&simulator, JOB).await.unwrap().bytes().await.unwrap_err().is_timeout());
}

#[tokio::test(start_paused = true)]
async fn an_oversized_body_is_streamed() {
    let simulator = play(&with("kind = \"oversized\"\nbytes = 3000000")).await;
    let response = get(&simulator, JOB).await.unwrap();
    assert_eq!((response.status().as_u16(), response.content_length()), (200, None));
    let body = response.bytes().await.unwrap();
    assert!(body.len() >= 3_000_000);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["restore_job_id"], "rj-1");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_and_a_late_answer() {
    let simulator = play(&with("kind = \"redirect\"\nlocation = \"http://127.0.0.1:9/\"")).await;
    let response = get(&simulator, JOB).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["location"].as_bytes()),
        (302, &b"http://127.0.0.1:9/"[..])
    );

    let simulator = play(&with("kind = \"late\"\ndelay = \"8s\"\nfirst = 1")).await;
    assert_eq!(json(&simulator, JOB).await.0, 200);
    assert_eq!(json(&simulator, JOB).await.0, 200);
    assert!((8.0..8.1).contains(&simulator.requests()[1].at.as_secs_f64()));
}

#[tokio::test(start_paused = true)]
async fn faults_choose_their_requests() {
    let statuses = async |fault: &str, paths: &[&str]| {
        let simulator = play(&with(&format!("kind = \"status\"\nstatus = 500\n{fault}"))).await;
        let mut statuses = Vec::new();
        for path in paths {
            statuses.push(get(&simulator, path).await.unwrap().status().as_u16());
        }
        statuses
    };

    let four = [JOB; 4];

    assert_eq!(statuses("requests = [1, 3]", &four).await, [500, 200, 500, 200]);
    assert_eq!(statuses("first = 2", &four).await, [500, 500, 200, 200]);
    assert_eq!(statuses("every = 2", &four).await, [200, 500, 200, 500]);

    let all = [JOB, "/restore-jobs", "/indexes/docs"];
    assert_eq!(statuses("endpoint = \"list\"", &all).await, [200, 500, 200]);
    assert_eq!(statuses("endpoint = \"index\"", &all).await, [200, 200, 500]);
    assert_eq!(statuses("job = \"rj-1\"", &all).await, [500, 200, 500]);
    assert_eq!(statuses("probability = 1", &all).await, [500, 500, 500]);

    let simulator = play(&with("kind = \"status\"\nstatus = 503\nfrom = \"10s\"\nto = \"20s\"")).await;
    assert_eq!(json(&simulator, JOB).await.0, 200);

    pass(10.0).await;
    assert_eq!(json(&simulator, JOB).await.0, 503);

    pass(10.0).await;
    assert_eq!(json(&simulator, JOB).await.0, 200);
}
