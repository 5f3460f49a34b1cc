//! Jobs that wait: what their policy does with each exit code, with real waits.

use restore_watch::model::Exit;
use restore_watch::simulate::Simulator;
use serde_json::Value;

use super::{entries, tree};
use crate::support::{Done, KEY, Watch, play, replay};
use crate::yaml;

/// The manifests of Jobs.
const JOBS: [&str; 2] = ["wait/job.yaml", "restore/job.yaml"];

/// The restore and the backup that the manifests name.
const RESTORE: &str = "670e8400-e29b-41d4-a716-446655440001";
const BACKUP: &str = "670e8400-e29b-41d4-a716-446655440000";

/// What is to be done with a pod that ended so. A new exit code has to be decided here.
fn wanted(exit: Exit) -> Option<&'static str> {
    match exit {
        // A success is no failure, and the state is of other commands.
        Exit::Success | Exit::State => None,
        Exit::Failed
        | Exit::Usage
        | Exit::NotFound
        | Exit::Unauthorized
        | Exit::Unrecognised
        | Exit::Ambiguous
        | Exit::Config
        | Exit::Timeout => Some("FailJob"),
        Exit::Unreachable | Exit::Interrupted | Exit::Terminated => Some("Ignore"),
        Exit::Internal | Exit::System => Some("Count"),
    }
}

/// The actions of all rules of a Job that have this exit code.
fn actions(job: &Value, code: u8) -> Vec<String> {
    let has = |rule: &&Value| entries(&rule["onExitCodes"]["values"]).contains(&code.into());
    entries(&job["spec"]["podFailurePolicy"]["rules"])
        .iter()
        .filter(has)
        .map(|rule| yaml::text(&rule["action"]))
        .collect()
}

#[test]
fn policy_has_each_exit_code_of_a_wait_once() {
    for name in JOBS {
        let job = tree(name);
        let rules = entries(&job["spec"]["podFailurePolicy"]["rules"]);
        let mut codes: Vec<_> = rules
            .iter()
            .flat_map(|rule| entries(&rule["onExitCodes"]["values"]))
            .map(|code| code.as_u64().expect("a number"))
            .collect();

        for exit in Exit::OF_WAIT {
            assert_eq!(
                actions(&job, exit.code()),
                wanted(exit).into_iter().collect::<Vec<_>>(),
                "{name}: {exit:?}"
            );
        }
        codes.sort_unstable();
        let published: Vec<u64> = Exit::OF_WAIT
            .iter()
            .filter(|exit| wanted(**exit).is_some())
            .map(|exit| exit.code().into())
            .collect();
        assert_eq!(codes, published, "{name}");
    }
}

#[test]
fn policy_is_one_that_kubernetes_takes() {
    for name in JOBS {
        let job = tree(name);
        let pod = &job["spec"]["template"]["spec"];

        assert_eq!(pod["restartPolicy"], "Never", "{name}");
        for rule in entries(&job["spec"]["podFailurePolicy"]["rules"]) {
            let (codes, conditions) = (&rule["onExitCodes"], &rule["onPodConditions"]);
            assert!(codes.is_null() != conditions.is_null(), "{name}: {rule}");
            if codes.is_object() {
                let values = entries(&codes["values"]);
                assert!(values.is_sorted_by_key(Value::as_u64), "{name}: {codes}");
                assert_eq!(
                    (&codes["operator"], &codes["containerName"]),
                    (&"In".into(), &pod["containers"][0]["name"])
                );
            }
        }
    }
}

/// A pod of a manifest, which has not started yet.
fn pod(manifest: &str, containers: &str, plane: &Simulator) -> Watch {
    let container = &tree(manifest)["spec"]["template"]["spec"][containers][0];
    assert_eq!(container["env"][0]["name"], "PINECONE_API_KEY");
    Watch::new(yaml::texts(&container["args"])).on(plane)
}

/// What the policy does with it.
fn action(manifest: &str, done: &Done) -> String {
    assert!(!done.stderr.contains(KEY));
    let code = done.code.and_then(|code| u8::try_from(code).ok()).expect("an exit code");
    actions(&tree(manifest), code).concat()
}

/// The restore that the manifests name, with these keys more.
fn restore(keys: &str) -> Simulator {
    play(&format!("[[job]]\nid = \"{RESTORE}\"\nage = \"1h\"\n{keys}"))
}

#[test]
fn ended_restore_ends_the_job() {
    let completed = restore("takes = \"10m\"\nready_after = \"1ms\"\n");
    pod("wait/job.yaml", "containers", &completed).run().expect(0);

    for (keys, code) in [
        ("takes = \"10m\"\nends = \"failed\"\n", 1),
        ("takes = \"10m\"\nends = \"Vanished\"\nend_time = true\n", 6),
    ] {
        let done = pod("wait/job.yaml", "containers", &restore(keys)).run().expect(code);
        assert_eq!(action("wait/job.yaml", &done), "FailJob", "{keys}");
    }
}

#[test]
fn evicted_wait_goes_on_in_another_pod() {
    let mut plane = restore("");
    let mut evicted = pod("wait/job.yaml", "containers", &plane).start();
    evicted.until("a poll", |_| plane.count() > 0);
    evicted.signal("TERM");
    let done = evicted.finish().expect(143);
    assert_eq!(action("wait/job.yaml", &done), "Ignore");

    // It ends while no pod runs.
    plane = replay(
        plane,
        &format!("[[job]]\nid = \"{RESTORE}\"\nage = \"1h\"\ntakes = \"10m\"\nready_after = \"1ms\"\n"),
    );

    pod("wait/job.yaml", "containers", &plane).run().expect(0);
}

#[test]
fn evicted_restore_is_not_started_twice() {
    let plane = play(&format!("[restore]\nid = \"{RESTORE}\"\ntakes = \"2s\"\nready_after = \"1ms\"\n"));
    let mut evicted = pod("restore/job.yaml", "containers", &plane).start();
    evicted.until_logged(RESTORE);
    evicted.signal("TERM");
    let done = evicted.finish().expect(143);
    assert_eq!(action("restore/job.yaml", &done), "Ignore");

    pod("restore/job.yaml", "containers", &plane).run().expect(0);

    let started: Vec<_> = plane.requests().into_iter().filter(|request| request.method == "POST").collect();
    let answers: Vec<_> = started.iter().map(|request| request.answered).collect();
    assert_eq!(answers, [Some(202), Some(409)]);
    assert!(started.iter().all(|request| request.path == format!("/backups/{BACKUP}/create-index")));
}

#[test]
fn init_container_ends_with_0_when_the_index_serves() {
    let serving = restore("takes = \"10m\"\nready_after = \"1ms\"\n");
    pod("rollout.yaml", "initContainers", &serving).run().expect(0);

    let failed = restore("takes = \"10m\"\nends = \"failed\"\n");
    pod("rollout.yaml", "initContainers", &failed).run().expect(1);
    let requests = failed.count();
    // As often as the kubelet starts it again.
    pod("rollout.yaml", "initContainers", &failed).run().expect(1);
    assert_eq!((requests <= 2, failed.count()), (true, 2 * requests));
}
