//! restore-watch-wait@.service: units that are ordered after a restore.

use std::time::Duration;

use restore_watch::platform::clock::Clock;
use restore_watch::simulate::Simulator;

use crate::support::{KEY, done};
use crate::world::World;

/// A restore job id in the usual form.
const ID: &str = "9857add2-99d4-4399-870e-aa7f15d8d326";

/// The unit that waits for that job.
const WAIT: &str = "restore-watch-wait@9857add2-99d4-4399-870e-aa7f15d8d326.service";

#[test]
fn unit_ordered_after_a_restore_runs_once_completed() {
    let Some(world) = World::boot() else { return };
    let takes = Duration::from_secs(2);
    let completes = Clock::system().now().wall + takes;
    let plane = world.play(&job("takes = \"2s\""));
    world.configure(&plane, &["another"], "");
    install_what_follows(&world);

    world.succeed("systemctl start follows.service");
    let ran = world.succeed("cat /run/followed").parse::<i64>().unwrap();

    assert!(ran >= completes.as_millisecond(), "{ran} < {completes}");
    assert!(plane.count() > 1 && plane.requests().iter().all(|request| request.key_accepted));
    assert_eq!(world.property(WAIT, "ActiveState"), "active");

    // An ended restore is polled once.
    let polls = plane.count();
    world.succeed("systemctl start follows.service");

    assert_eq!(plane.count(), polls);
    assert!(!has_key_in_journal(&world));
}

#[test]
fn unit_requiring_a_failed_restore_does_not_run() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&done(&[(ID, "failed")]));
    world.configure(&plane, &["another"], "");
    install_what_follows(&world);

    let ran = world.run("systemctl start follows.service");
    assert!(ran.code == Some(1) && ran.stderr.contains("dependency"), "{ran:?}");
    assert_eq!(world.property(WAIT, "ExecMainStatus"), "1");
    assert!(!followed(&world));

    let lines = world.journal(&format!("RESTORE_JOB_ID={ID} RESTORE_EVENT=restore_job.failed PRIORITY=3"));
    assert_eq!(lines.len(), 1, "{lines:#?}");

    fails_with(&world, "1");
}

#[test]
fn wait_unit_has_no_limit_but_its_own() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&job(""));
    world.configure(&plane, &["another"], "");
    assert_eq!(world.property(WAIT, "TimeoutStartUSec"), "infinity");
    world.edit("restore-watch-wait@.service", "[Service]\nEnvironment=\"WAIT_OPTIONS=--timeout 100ms\"\n");
    fails_with(&world, "124");
}

#[test]
fn wait_unit_selects_one_of_several_projects() {
    let Some(world) = World::boot() else { return };
    let (plane, other): (Simulator, _) = (world.play(&job("")), world.play(&done(&[(ID, "completed")])));
    let two = format!(
        "[[project]]\nname = \"two\"\napi_key = {{ credential = \"pinecone-api-key\" }}\njobs = [\"{ID}\"]\n\
         api = {{ endpoint = \"{}\" }}\n",
        other.url()
    );
    world.configure(&plane, &["another"], &two);
    fails_with(&world, "2");
    world.edit(WAIT, "[Service]\nEnvironment=\"WAIT_OPTIONS=--project two\"\n");

    world.succeed(&format!("systemctl start '{WAIT}'"));
    assert_eq!((plane.count(), other.count()), (0, 1));
}

#[test]
fn stopped_wait_is_no_completed_restore() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&job(""));
    world.configure(&plane, &["another"], "");
    install_what_follows(&world);

    world.succeed("systemctl start --no-block follows.service");
    world.until("a poll", || plane.count() > 0);
    world.succeed(&format!("systemctl kill --signal=TERM --kill-who=main '{WAIT}'"));
    world.until("the end of the wait", || world.property(WAIT, "ActiveState") == "failed");

    assert_eq!(world.property(WAIT, "ExecMainStatus"), "143");
    world.until("the end of what follows", || world.property("follows.service", "Job").is_empty());

    assert!(!followed(&world));
}

/// The scenario of that job, which accepts only the tests' key.
fn job(further: &str) -> String {
    format!("api_key = \"{KEY}\"\n[[job]]\nid = \"{ID}\"\n{further}\n")
}

/// A unit that runs once the restore completed, and records when.
fn install_what_follows(world: &World) {
    world.write(
        "/etc/systemd/system/follows.service",
        format!(
            "[Unit]\nRequires={WAIT}\nAfter={WAIT}\n[Service]\nType=oneshot\n\
             ExecStart=sh -c 'date +%%s%%3N > /run/followed'\n"
        ),
    );
    world.succeed("systemctl daemon-reload");
}

fn followed(world: &World) -> bool {
    world.seen_from_outside("/run/followed").exists()
}

/// Starts the wait unit, which must fail with this exit code of the program.
#[track_caller]
fn fails_with(world: &World, code: &str) {
    let ran = world.run(&format!("systemctl start '{WAIT}'"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(world.property(WAIT, "ExecMainStatus"), code);
    assert_eq!(world.property(WAIT, "ActiveState"), "failed");
}

fn has_key_in_journal(world: &World) -> bool {
    world.succeed("journalctl --sync; journalctl --quiet --all --output=export").contains(KEY)
}
