//! What a container gets: arguments, environment, mounts, time to stop, and memory.

use std::path::Path;

use restore_watch::cli::Cli;
use serde_json::Value;

use super::{containers, daemons, entries, is_ours, named, pods, text, tree};
use crate::yaml;

#[test]
fn arguments_are_accepted() {
    for (place, pod) in pods() {
        for container in containers(&pod).filter(|container| is_ours(container)) {
            assert!(container.get("command").is_none(), "{place}: the image has the entry point");
            let arguments = yaml::texts(&container["args"]);
            let words = std::iter::once("restore-watch").chain(arguments.iter().map(String::as_str));

            let read = Cli::program().try_get_matches_from(words);

            assert!(read.is_ok(), "{place}: {}", read.expect_err("refused"));
        }
    }
}

#[test]
fn mounts_are_directories_of_volumes() {
    for (place, container) in daemons() {
        let file = tree(place);
        let pod = &file["spec"]["template"]["spec"];
        let claims = entries(&file["spec"]["volumeClaimTemplates"]).iter().map(|claim| &claim["metadata"]);
        let volumes: Vec<_> =
            entries(&pod["volumes"]).iter().chain(claims).map(|volume| &volume["name"]).collect();

        let mounted: Vec<_> =
            entries(&container["volumeMounts"]).iter().map(|mount| &mount["name"]).collect();

        assert!(
            volumes.len() == mounted.len() && mounted.iter().all(|name| volumes.contains(name)),
            "{place}"
        );
        for mount in entries(&container["volumeMounts"]) {
            // A single file is not replaced when the Secret or the ConfigMap changes.
            assert!(mount.get("subPath").is_none() && mount.get("subPathExpr").is_none(), "{place}: {mount}");
        }
    }
}

/// Where a volume is mounted, and whether it can be written.
fn mount(container: &Value, name: &str) -> (String, bool) {
    let mount = named(&container["volumeMounts"], name);
    (yaml::text(&mount["mountPath"]), mount["readOnly"] != true)
}

#[test]
fn directories_that_are_written_are_mounted() {
    for (place, container) in daemons() {
        let variable = |name: &str| yaml::text(&named(&container["env"], name)["value"]);

        let (config, config_is_writable) = mount(&container, "config");
        assert_eq!(
            Path::new(&variable("RESTORE_WATCH_CONFIG")).parent(),
            Some(Path::new(&config)),
            "{place}"
        );
        assert_eq!(mount(&container, "run"), (variable("RUNTIME_DIRECTORY"), true), "{place}");
        assert!(!config_is_writable && !mount(&container, "secrets").1, "{place}");
        if place.starts_with("sqlite/") {
            assert_eq!(mount(&container, "state"), (variable("STATE_DIRECTORY"), true), "{place}");
        }
    }
}

#[test]
fn secrets_are_read_by_the_group_of_the_pod_alone() {
    for (place, _) in daemons() {
        let pod = &tree(place)["spec"]["template"]["spec"];
        let secret = &named(&pod["volumes"], "secrets")["secret"];

        // Written as the decimal number that all readers of YAML take for the same.
        assert_eq!(secret["defaultMode"].as_u64(), Some(0o440), "{place}");
        assert_eq!(pod["securityContext"]["fsGroup"], pod["securityContext"]["runAsGroup"], "{place}");
    }
}

#[test]
fn replicas_need_no_volume_that_persists() {
    let deployment = tree("postgres/deployment.yaml");

    assert_eq!(deployment["spec"]["replicas"], 2);
    for volume in entries(&deployment["spec"]["template"]["spec"]["volumes"]) {
        assert!(volume.get("persistentVolumeClaim").is_none(), "{volume}");
    }
    let update = &deployment["spec"]["strategy"]["rollingUpdate"];
    assert_eq!((update["maxSurge"].as_u64(), update["maxUnavailable"].as_u64()), (Some(1), Some(0)));
}

/// The seconds of a duration of one unit, as the manifests and the sample write them.
fn seconds(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().expect("a number");
    number
        * match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            other => panic!("no test needs the unit {other}"),
        }
}

/// The seconds that a stop waits for deliveries, by default.
fn drain() -> u64 {
    let sample = include_str!("../../../config/restore-watch.toml");
    let line = sample.lines().find_map(|line| line.strip_prefix("#drain_timeout = \"")).expect("the key");
    seconds(line.trim_end_matches('"'))
}

#[test]
fn grace_period_is_longer_than_a_stop_takes() {
    /// The seconds that giving the lease back may take.
    const LEASE: u64 = 5;

    for (place, _) in daemons() {
        let folder = place.split('/').next().expect("a folder");
        assert!(!text(&format!("{folder}/config.toml")).contains("drain_timeout"), "{folder}");

        let grace = tree(place)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64();

        assert!(grace.expect("a number") > drain() + LEASE, "{place}: {grace:?}");
    }
}

#[test]
fn limits_are_on_memory_alone() {
    for (place, pod) in pods() {
        for container in containers(&pod).filter(|container| is_ours(container)) {
            let mebibytes = |of: &str| -> u64 {
                let text = yaml::text(&container["resources"][of]["memory"]);
                text.strip_suffix("Mi").expect("MiB").parse().expect("a number")
            };
            assert!(mebibytes("limits") >= 4 * mebibytes("requests"), "{place}");
            assert!(container["resources"]["limits"].get("cpu").is_none(), "{place}");
        }
    }
}

#[test]
fn time_limits_of_jobs_leave_room_for_the_wait() {
    for name in ["wait/job.yaml", "restore/job.yaml"] {
        let job = tree(name);
        let arguments = yaml::texts(&job["spec"]["template"]["spec"]["containers"][0]["args"]);
        let timeout = arguments.iter().find_map(|word| word.strip_prefix("--timeout=")).expect("a timeout");

        assert!(
            job["spec"]["activeDeadlineSeconds"].as_u64().expect("a number") > seconds(timeout),
            "{name}"
        );
    }
    let rollout = tree("rollout.yaml");
    assert!(rollout["spec"]["progressDeadlineSeconds"].as_u64().expect("a number") > seconds("5h"));
}
