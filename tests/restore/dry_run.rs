//! `--dry-run`: the request is printed, and nothing is sent.

use serde_json::json;

use crate::stage::{SOON, Stage};
use crate::support::KEY;

#[test]
fn request_is_printed_and_not_sent() {
    let stage = Stage::new(SOON);

    let done = stage.run(&["--dry-run", "--tag", "team=search", "--deletion-protection"]).expect(0);

    assert_eq!(
        done.stdout,
        format!(
            "POST {}/backups/b-1/create-index\nX-Pinecone-Api-Version: 2026-04\n\n\
             {{\"name\":\"docs\",\"tags\":{{\"team\":\"search\"}},\"deletion_protection\":\"enabled\"}}\n",
            stage.plane.url()
        )
    );
    assert_eq!((stage.plane.count(), done.stderr.as_str()), (0, ""));
}

#[test]
fn request_is_printed_as_json() {
    let stage = Stage::new(SOON);

    let done = stage.restore(&["--dry-run", "--json"]).env("RUST_LOG", "trace").run().expect(0);

    let url = format!("{}/backups/b-1/create-index", stage.plane.url());
    let body = json!({ "name": "docs" });
    let request = json!({ "method": "POST", "url": url, "api_version": "2026-04", "body": body });
    assert_eq!(done.json(), request);
    assert!(!done.stderr.contains(KEY) && stage.plane.count() == 0);
}

#[test]
fn path_of_the_endpoint_is_not_shown() {
    let stage = Stage::new(SOON);
    let endpoint = format!("{}/canary", stage.plane.url());

    let done = crate::support::Watch::new(["restore", "b/1", "--name", "docs", "--dry-run"])
        .env("PINECONE_CONTROLLER_HOST", &endpoint)
        .env("PINECONE_API_KEY", KEY)
        .run()
        .expect(0);

    let first = done.stdout.lines().next().unwrap_or_default();
    assert_eq!(first, format!("POST {}/…/backups/b%2F1/create-index", stage.plane.url()));
}

#[test]
fn missing_key_fails_a_dry_run() {
    let stage = Stage::new(SOON);

    stage.restore(&["--dry-run"]).env_remove("PINECONE_API_KEY").run().expect(78);

    assert_eq!(stage.plane.count(), 0);
}
