//! Commands that do as they should, and commands that do not.

use super::super::sample_events;
use super::*;

/// Runs a script of a shell for an event. Gives what becomes of the delivery.
async fn run(script: &str, change: impl FnOnce(&mut ExecSettings)) -> Result<(), (FailureClass, String)> {
    let mut settings = ExecSettings::new("/bin/sh", vec!["-c".to_owned(), script.to_owned()]);
    change(&mut settings);
    let exec = Exec::new("hook", &settings);
    let payload = Payload { event: sample_events::completed(), body: b"{}".to_vec() };
    let delivered = exec.deliver(&payload, Timestamp::UNIX_EPOCH).await;
    delivered.map_err(|failure| (failure.class, failure.message))
}

fn usual(_: &mut ExecSettings) {}

fn no_retry(settings: &mut ExecSettings) {
    settings.retry = false;
}

#[tokio::test]
async fn exit_status_decides_about_the_delivery() {
    assert_eq!(run("exit 0", usual).await, Ok(()));
    for (script, of_retry, of_no_retry, message) in [
        ("exit 75", FailureClass::Transient, FailureClass::Transient, "exit status 75"),
        ("echo a >&2; echo b; exit 3", FailureClass::Transient, FailureClass::Permanent, "exit status 3: a"),
        ("kill -9 $$", FailureClass::Transient, FailureClass::Permanent, "ended by signal 9"),
    ] {
        assert_eq!(run(script, usual).await, Err((of_retry, message.to_owned())), "{script}");
        assert_eq!(run(script, no_retry).await, Err((of_no_retry, message.to_owned())), "{script}");
    }
}

#[tokio::test]
async fn event_is_one_line_of_standard_input() {
    assert_eq!(run("test \"$(wc -l)\" = 1", usual).await, Ok(()));
    assert_eq!(run("test \"$(cat)\" = '{}'", usual).await, Ok(()));
    assert_eq!(run("exec <&-; exit 0", usual).await, Ok(()), "it need not be read");
}

#[tokio::test]
async fn command_that_cannot_start_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str, text: &str, mode| {
        use std::os::unix::fs::PermissionsExt as _;

        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    for (program, message) in [
        (folder.path().join("none"), "No such file or directory (os error 2)"),
        (program("data", "#!/bin/sh\n", 0o644), "Permission denied (os error 13)"),
        (program("bare", "true\n", 0o755), "; a script begins with a line such as #!/bin/sh"),
        (program("odd", "#!/none\n", 0o755), "; the program that its first line names is not there"),
        ("surely-not-in-the-path".into(), "No such file or directory (os error 2)"),
    ] {
        let start = || run("", |settings| settings.program.clone_from(&program));
        let (mut class, mut text) = start().await.unwrap_err();
        // A child of another test may hold open what was just written, until its exec.
        while class == FailureClass::Transient {
            (class, text) = start().await.unwrap_err();
        }

        assert_eq!(class, FailureClass::Rejected(Rejection::Command), "{text}");
        assert!(text.starts_with(&format!("cannot run {}: ", program.display())), "{text}");
        assert!(text.ends_with(message), "{text}");
    }
}

#[test]
fn lack_of_means_may_pass() {
    for (errno, passes) in [
        (Errno::AGAIN, true),
        (Errno::NOMEM, true),
        (Errno::MFILE, true),
        (Errno::PERM, false),
        (Errno::TOOBIG, false),
    ] {
        assert_eq!(may_pass(&errno.into()), passes, "{errno}");
    }
}

fn brief(settings: &mut ExecSettings) {
    settings.timeout = Duration::from_millis(200);
    settings.retry = false;
}

#[tokio::test]
async fn timeout_ends_the_whole_group_and_is_retried() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    // The second ignores SIGTERM; it is killed with the leader gone.
    let script = format!(
        "echo working; sh -c 'trap \"\" TERM; echo $$ >> {0}; while :; do sleep 1; done' & echo $$ >> {0}; wait",
        pids.display()
    );

    let failed = run(&script, brief).await;

    assert_eq!(
        failed,
        Err((FailureClass::Transient, "ended after its timeout of 200ms: working".to_owned()))
    );
    let pids = std::fs::read_to_string(pids).unwrap();
    assert_eq!(pids.lines().count(), 2);
    pids.lines().for_each(|pid| assert!(!is_alive(pid), "{pid}"));
}

#[tokio::test]
async fn command_that_ignores_the_request_to_end_is_killed() {
    let failed = run("trap '' TERM; while :; do sleep 0.1; done", brief).await;

    assert_eq!(failed.unwrap_err().0, FailureClass::Transient);
}

#[tokio::test]
async fn command_ends_with_its_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("sleep 60 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
    let delivery = tokio::spawn(async move { run(&script, usual).await });
    while !pid.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    delivery.abort();

    assert!(delivery.await.is_err());
    let pid = std::fs::read_to_string(pid).unwrap();
    while is_alive(pid.trim()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn process_that_keeps_the_output_open_is_not_awaited() {
    assert_eq!(run("sleep 30 & echo $! >&2", usual).await, Ok(()));
}

#[tokio::test]
async fn one_runs_at_a_time_with_tests_of_the_sink() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("mkdir {0} || exit 3; sleep 0.1; rmdir {0}", folder.path().join("lock").display());
    let exec = Exec::new("hook", &ExecSettings::new("/bin/sh", vec!["-c".to_owned(), script]));
    let payload = |event| Payload { event, body: b"{}".to_vec() };
    let (event, test) = (payload(sample_events::completed()), payload(sample_events::test()));

    let now = Timestamp::UNIX_EPOCH;
    let (delivered, tested) = tokio::join!(exec.deliver(&event, now), exec.deliver(&test, now));

    assert_eq!((delivered.is_ok(), tested.is_ok()), (true, true), "{delivered:?} {tested:?}");
}

#[tokio::test(start_paused = true)]
async fn test_gives_up_its_turn_and_a_delivery_does_not() {
    let exec = Exec::new("hook", &ExecSettings::new("/bin/true", Vec::new()));
    let payload = |event| Payload { event, body: b"{}".to_vec() };
    let (event, test) = (payload(sample_events::completed()), payload(sample_events::test()));
    let _turn = exec.turn.lock().await;

    let now = Timestamp::UNIX_EPOCH;
    let limit = Duration::from_secs(100);
    let (delivered, tested) =
        tokio::join!(timeout(limit, exec.deliver(&event, now)), timeout(limit, exec.deliver(&test, now)));

    assert!(delivered.is_err());
    assert_eq!(
        tested.unwrap().unwrap_err().message,
        "its command runs for another event; test it again later"
    );
}

#[tokio::test]
async fn flood_of_output_ends_normally() {
    let failed = run("head -c 50000000 /dev/zero; yes | head -c 50000000; echo end; exit 3", usual).await;

    assert_eq!(failed.unwrap_err().1, "exit status 3: end");
}

/// Whether a process of this id runs; a zombie does not.
fn is_alive(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}
