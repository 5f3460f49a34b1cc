//! Restores that clients start.

use serde_json::{Value, json};

use super::{client, json, pass, play};
use crate::simulate::Simulator;

/// The answer to a request that starts a restore of this backup, with this body.
async fn create(simulator: &Simulator, backup: &str, body: &str) -> (u16, Value) {
    let url = format!("{}/backups/{backup}/create-index", simulator.url());
    let request = client().post(url).header("Api-Key", "k").body(body.to_owned());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

const DOCS: &str = r#"{"name":"docs"}"#;

#[tokio::test(start_paused = true)]
async fn a_restore_is_started_and_goes_on() {
    let simulator = play(
        "answers = \"2026-07\"\n[restore]\nid = \"rj\"\ntakes = \"10s\"\nready_after = \"5s\"\n\
         [[job]]\nid = \"old\"\nindex = \"other\"\nbackup_id = \"b-9\"",
    )
    .await;
    pass(5.0).await;

    let (status, body) = create(&simulator, "b-1", DOCS).await;

    assert_eq!((status, &body["restore_job_id"]), (202, &json!("rj")));
    let (_, job) = json(&simulator, "/restore-jobs/rj").await;
    assert_eq!((&job["backup_id"], &job["target_index_name"]), (&json!("b-1"), &json!("docs")));
    assert_eq!((&job["status"], &job["target_index_id"]), (&json!("Pending"), &body["index_id"]));
    let created: jiff::Timestamp = job["created_at"].as_str().unwrap().parse().unwrap();
    assert!(created >= "2026-11-23T12:00:05Z".parse().unwrap(), "{created}");
    let (_, list) = json(&simulator, "/restore-jobs").await;
    assert_eq!(list["data"][0]["restore_job_id"], "rj", "the newest is first");
    let (_, index) = json(&simulator, "/indexes/docs").await;
    assert_eq!((&index["source_backup_id"], &index["status"]["ready"]), (&json!("b-1"), &json!(false)));

    pass(15.0).await;
    assert_eq!(json(&simulator, "/indexes/docs").await.1["status"]["ready"], true);
    assert_eq!(create(&simulator, "b-1", r#"{"name":"more"}"#).await.1["restore_job_id"], "rj-2");

    let post = &simulator.requests()[0];
    assert_eq!((post.method.as_str(), post.body.as_str(), post.answered), ("POST", DOCS, Some(202)));
}

#[tokio::test(start_paused = true)]
async fn refusals_start_nothing() {
    let simulator = play(
        "[[backup]]\nid = \"b-1\"\n[[backup]]\nid = \"b-2\"\nready_after = \"10s\"\n\
         [[index]]\nname = \"taken\"\n[[job]]\nid = \"rj\"\nindex = \"running\"",
    )
    .await;

    for (backup, body, status, code) in [
        ("b-1", "", 422, "UNPROCESSABLE_ENTITY"),
        ("b-1", "{\"name\":7}", 422, "UNPROCESSABLE_ENTITY"),
        ("b-1", "{\"name\":\"\"}", 400, "INVALID_ARGUMENT"),
        ("b-3", DOCS, 404, "NOT_FOUND"),
        ("b-2", DOCS, 412, "FAILED_PRECONDITION"),
        ("b-1", "{\"name\":\"taken\"}", 409, "ALREADY_EXISTS"),
        ("b-1", "{\"name\":\"running\"}", 409, "ALREADY_EXISTS"),
    ] {
        let answer = create(&simulator, backup, body).await;
        assert_eq!((answer.0, &answer.1["error"]["code"]), (status, &json!(code)), "{backup} {body}");
    }
    assert_eq!(json(&simulator, "/restore-jobs").await.1["data"].as_array().unwrap().len(), 1);
    assert_eq!(json(&simulator, "/backups/b-2").await.1["status"], "Initializing");
    assert_eq!(json(&simulator, "/backups/b-3").await.0, 404);

    pass(10.0).await;
    assert_eq!(json(&simulator, "/backups/b-2").await.1["status"], "Ready");
    assert_eq!(create(&simulator, "b-2", DOCS).await.0, 202);
}

#[tokio::test(start_paused = true)]
async fn a_fault_lets_a_restore_start_or_not() {
    for (fault, started) in [
        ("kind = \"status\"\nstatus = 503", true),
        ("kind = \"status\"\nstatus = 503\naccepted = false", false),
        ("kind = \"status\"\nstatus = 402", false),
        ("kind = \"status\"\nstatus = 402\naccepted = true", true),
        ("kind = \"redirect\"\nlocation = \"/\"", false),
        ("kind = \"empty\"", true),
        ("kind = \"empty\"\naccepted = false", false),
    ] {
        let simulator = play(&format!("[[fault]]\nendpoint = \"create\"\n{fault}")).await;
        create(&simulator, "b-1", DOCS).await;
        let jobs = json(&simulator, "/restore-jobs").await.1["data"].as_array().unwrap().len();
        assert_eq!(jobs, usize::from(started), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn indexes_say_their_backup_in_the_newer_description_only() {
    let index = "[[index]]\nname = \"own\"\n[[index]]\nname = \"made\"\nsource_backup_id = \"b-9\"";
    let newer = play(&format!("answers = \"2026-07\"\n{index}")).await;
    let older = play(index).await;

    let source = async |simulator: &Simulator, name: &str| {
        json(simulator, &format!("/indexes/{name}")).await.1.get("source_backup_id").cloned()
    };

    assert_eq!(source(&newer, "own").await, Some(Value::Null));
    assert_eq!(source(&newer, "made").await, Some(json!("b-9")));
    assert_eq!(source(&older, "made").await, None);
}
