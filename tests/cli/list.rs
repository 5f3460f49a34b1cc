//! `restore-watch list`

use std::collections::BTreeSet;

use restore_watch::simulate::Simulator;

use crate::support::{Done, KEY, Watch, done, play, play_shipped, unused_address};

#[test]
fn list_is_a_table() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nage = \"2h\"\ntakes = \"10m\"\n[[job]]\nid = \"running\"\nage = \"1h\"\n\
         created_at = \"null\"\n",
    );
    let done = list(&plane, &[]).expect(0);
    let rows: Vec<Vec<_>> = done.stdout.lines().map(|line| line.split_whitespace().collect()).collect();

    assert_eq!(rows[0], ["STATUS", "JOB", "STARTED", "TIME", "INDEX"]);
    assert_eq!(rows[1], ["Completed", "rj-1", "2h", "00m", "ago", "10m", "00s", "docs"]);
    assert_eq!(rows[2][..2], ["Pending", "running"]);
    assert_eq!((rows.len(), done.stderr.as_str()), (3, ""));
    assert_eq!(list(&play(""), &[]).expect(0).stdout, "no restore jobs\n");
}

#[test]
fn list_shows_the_newest_jobs_that_match() {
    let plane = play(
        "[[job]]\nid = \"old\"\nindex = \"prod-a\"\nage = \"9h\"\ntakes = \"1m\"\n\
         [[job]]\nid = \"new\"\nindex = \"prod-b\"\nage = \"10m\"\ntakes = \"1m\"\n\
         [[job]]\nid = \"bad\"\nindex = \"prod-c\"\nage = \"1h\"\ntakes = \"1m\"\nends = \"failed\"\n\
         [[job]]\nid = \"other\"\nindex = \"test\"\nage = \"1m\"\ntakes = \"9h\"\n",
    );
    let listed =
        |arguments: &[&str]| ids(&list(&plane, &[&["--output", "json"], arguments].concat()).expect(0));

    assert_eq!(listed(&[]), ["other", "new", "bad", "old"]);
    assert_eq!(listed(&["--index", "prod-*", "--limit", "2"]), ["new", "bad"]);
    assert_eq!(listed(&["--status", "FAILED", "--status", "pending"]), ["other", "bad"]);
    assert_eq!(
        list(&plane, &["--status", "pendig"]).expect(0).stdout,
        "none of the 4 restore jobs matches\n"
    );
    list(&plane, &["--index", "a b"]).expect(2).logged("has ' ' in it, which no name of an index has");
}

#[test]
fn all_pages_are_json() {
    for head in ["[list]\nawkward_tokens = true", "answers = \"2026-07\""] {
        let plane = play(&format!("{head}\n[[job]]\nid = \"rj\"\ncount = 250\nage_step = \"1s\""));
        let ids = ids(&list(&plane, &["--output", "json"]).expect(0));
        let expected: Vec<_> = (1..=250).map(|number| format!("rj-{number}")).collect();
        assert_eq!(ids, expected);
        // The limit on the first page, the token alone on the others.
        let paths: Vec<_> = plane.requests().into_iter().map(|request| request.path).collect();
        assert_eq!((paths.len(), paths[0].as_str()), (3, "/restore-jobs?limit=100"));
        assert!(
            paths[1..].iter().all(|path| path.starts_with("/restore-jobs?paginationToken=")),
            "{paths:?}"
        );
        assert!(
            paths.iter().skip(1).all(|path| !path.contains("limit=") && !path.contains('+')),
            "{paths:?}"
        );
    }
}

#[test]
fn repeated_rows_count_once() {
    let plane = play_shipped("unreliable-list");
    let ids = ids(&list(&plane, &["--output", "json"]).expect(0));
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
    // Two pages of a hundred rows, about a tenth of them repeated.
    assert!((150..200).contains(&ids.len()), "{}", ids.len());
}

#[test]
fn refused_token_starts_the_list_again() {
    let plane = play(
        "[[job]]\nid = \"rj\"\ncount = 150\n[[fault]]\nendpoint = \"list\"\nrequests = [2]\nkind = \"status\"\nstatus = 400",
    );
    assert_eq!(ids(&list(&plane, &["--output", "json"]).expect(0)).len(), 150);
}

#[test]
fn passing_failures_are_retried() {
    let plane = play(&format!(
        "{}[[fault]]\nfirst = 1\nkind = \"status\"\nstatus = 429\nretry_after = \"1s\"\n\
         [[fault]]\nrequests = [2]\nkind = \"html\"\n[[fault]]\nrequests = [3]\nkind = \"drop\"",
        done(&[("rj-1", "completed")])
    ));
    let done = list(&plane, &[]).expect(0).logged("retrying in");
    assert!(done.stdout.contains("rj-1") && done.took.as_secs_f64() >= 1.0, "{:?}", done.took);
}

#[test]
fn refused_keys_and_outages_have_their_codes() {
    for form in ["text", "json"] {
        let plane = play(&format!("api_key = \"another\"\nunauthorized = \"{form}\""));
        let done = list(&plane, &["--output", "json"]).expect(4).logged("HTTP 401: Invalid API key");
        let done = done.logged("help: is the key complete, of this project, and not revoked?");
        assert_eq!(done.stdout, "");
    }
    list(&play("forbidden = true"), &[]).expect(4).logged("control::backups::list");
    let endpoint = format!("http://{}", unused_address());

    let refusing =
        Watch::new(["list"]).env("PINECONE_CONTROLLER_HOST", &endpoint).env("PINECONE_API_KEY", KEY).start();
    let plane = play("[[fault]]\nkind = \"status\"\nstatus = 503\nbody = \"html\"");
    list(&plane, &[]).expect(5).logged("cannot list the restore jobs: HTTP 503: an HTML page");
    let done = refusing.finish().expect(5);
    let done = done.logged(&format!("cannot connect to {endpoint}: connection refused"));
    done.logged("The address is set by PINECONE_CONTROLLER_HOST");
    Watch::new(["list"]).run().expect(78).logged("PINECONE_API_KEY is not set");
}

#[test]
fn output_of_list_can_be_waited_for() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "completed"), ("rj-3", "failed")]));
    let listed = list(&plane, &["--output", "json"]).expect(0).stdout;
    let done = Watch::wait(&plane, &["-", "--output", "json"]).stdin(listed).run().expect(1);
    assert_eq!(done.json()["jobs"].as_array().unwrap().len(), 3);
}

fn list(plane: &Simulator, arguments: &[&str]) -> Done {
    Watch::new(["list"].iter().chain(arguments)).on(plane).run()
}

fn ids(done: &Done) -> Vec<String> {
    let rows = done.json();
    let id = |row: &serde_json::Value| row["restore_job_id"].as_str().expect("an id").to_owned();
    rows.as_array().expect("an array").iter().map(id).collect()
}
