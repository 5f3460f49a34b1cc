//! Commands of the daemon: run for each event until they succeed, and with nothing of its own.

use std::path::Path;

use serde_json::Value;

use crate::support::{Done, Folder, KEY, Watch, done, json_lines, play};
use crate::{Daemon, ask};

/// A sink that runs a script of a shell in a folder.
fn sink(folder: &Folder, script: &str, keys: &str) -> String {
    let script = folder.write("script", format!("cd {}\n{script}", folder.path().display()));
    format!(
        "[[sink]]\ntype = \"log\"\nevents = []\n[[sink]]\ntype = \"exec\"\nname = \"hook\"\n\
         events = [\"restore_job.completed\"]\ncommand = [\"/bin/sh\", \"{script}\"]\n{keys}\n"
    )
}

/// Runs a daemon for these completed jobs until all is delivered or given up.
fn run(folder: &Folder, jobs: &[&str], script: &str, keys: &str) -> Done {
    let ended: Vec<_> = jobs.iter().map(|job| (*job, "completed")).collect();
    let plane = play(&done(&ended));
    let daemon = Daemon::new("").project("one", &plane, jobs).with(&sink(folder, script, keys));
    daemon.run(&["--exit-when-done"]).run().expect(0)
}

fn text(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap_or_default()
}

#[test]
fn command_is_repeated_with_the_same_input_until_it_succeeds() {
    let folder = Folder::new();
    let script = "cat >> input; echo $RESTORE_WATCH_EVENT_ID >> ids\ntest $(wc -l < ids) = 3 || exit 75";

    let done = run(&folder, &["rj-1"], script, "retry = false\nretry_schedule = [\"10ms\", \"10ms\"]");

    let (input, ids) = (text(&folder, "input"), text(&folder, "ids"));
    let [first, second, third] = &json_lines(&input)[..] else { panic!("{input}") };
    assert!(first == second && second == third, "{input}");
    assert_eq!(ids, format!("{}\n", first["id"].as_str().unwrap()).repeat(3));
    assert_eq!(done.stderr.matches("failed: exit status 75; next attempt").count(), 2, "{}", done.stderr);
}

#[test]
fn failure_without_retry_is_a_dead_letter_at_once() {
    let folder = Folder::new();

    let done = run(&folder, &["rj-1"], "echo ran >> runs; echo no space left >&2; exit 3", "retry = false");

    assert_eq!(text(&folder, "runs"), "ran\n");
    done.logged("exit status 3: no space left").logged("gave up");
}

#[test]
fn command_runs_for_one_event_at_a_time() {
    let folder = Folder::new();
    let script = "mkdir lock || { echo busy >> faults; exit 0; }; sleep 0.05; rmdir lock; echo $RESTORE_WATCH_JOB_ID >> ended";

    run(&folder, &["rj-1", "rj-2", "rj-3", "rj-4"], script, "");

    assert_eq!(text(&folder, "faults"), "");
    let ended = text(&folder, "ended");
    let mut ended: Vec<_> = ended.lines().collect();
    ended.sort_unstable();
    assert_eq!(ended, ["rj-1", "rj-2", "rj-3", "rj-4"]);
}

#[test]
fn events_of_a_job_come_in_order() {
    let folder = Folder::new();
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"500ms\"\nprogress = \"linear\"\n");
    let sink = sink(&folder, "echo $RESTORE_WATCH_EVENT_TYPE >> types", "")
        .replace("restore_job.completed", "restore_job.*");

    Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink).run(&["--exit-when-done"]).run().expect(0);

    let types = text(&folder, "types");
    assert!(
        types.starts_with("restore_job.watched\n") && types.ends_with("restore_job.completed\n"),
        "{types}"
    );
}

#[test]
fn output_is_in_the_log_with_the_event() {
    let folder = Folder::new();

    let plane = play(&done(&[("rj-1", "completed")]));
    let script = "printf 'a \\033[31mline\\n'; cat > input; seq 1000 >&2";
    let sink = sink(&folder, script, "").replace("\"log\"\n", "\"log\"\nformat = \"json\"\n");

    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink).run(&["--exit-when-done"]);
    let done = daemon.run().expect(0);

    let id = json_lines(&text(&folder, "input"))[0]["id"].as_str().unwrap().to_owned();
    let line = done.stderr.lines().find(|line| line.contains("its command printed: a  [31mline")).unwrap();
    assert!(line.contains(r#""sink":"hook""#) && line.contains(&id), "{line}");
    done.logged("more bytes that its command printed are not logged");
}

#[test]
fn command_has_nothing_of_the_daemon() {
    let folder = Folder::new();
    let plane = play(&done(&[("rj-1", "completed")]));
    // What the starter of a daemon left open.
    let inherited = folder.write("inherited", "");
    let launcher = "file=$1; shift; exec \"$@\" 9< \"$file\"";
    let script = "env > env; pwd > pwd; ps -o pgid= -p $$ > group; echo $$ > pid\n\
                  (cd /; for fd in /proc/$$/fd/*; do readlink $fd; done) > files\n\
                  while read -r line; do echo \"$line\"; done < /proc/$$/status > signals";
    let script = script.replace("pwd > pwd", "echo $OLDPWD > pwd");
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink(&folder, &script, ""));
    let daemon = daemon
        .run_through(&["bash", "-c", launcher, "bash", &inherited], &["--exit-when-done"])
        .env("NOTIFY_SOCKET", "/none/canary")
        .env("CREDENTIALS_DIRECTORY", "/none/canary")
        .env("JOURNAL_STREAM", "8:canary")
        .env("OPS_TOKEN", "canary")
        .env("LANG", "C.UTF-8");

    daemon.run().expect(0);

    let environment = text(&folder, "env");
    assert!(!environment.contains(KEY) && !environment.contains("canary"), "{environment}");
    for line in [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/proc/none",
        "LANG=C.UTF-8",
        "RESTORE_WATCH_EVENT_TYPE=restore_job.completed",
        "RESTORE_WATCH_JOB_ID=rj-1",
        "RESTORE_WATCH_STATUS=Completed",
        "RESTORE_WATCH_SEVERITY=success",
        "RESTORE_WATCH_SINK=hook",
        "RESTORE_WATCH_REASON=",
    ] {
        assert!(environment.lines().any(|found| found == line), "{line}\n{environment}");
    }
    assert_eq!(text(&folder, "pwd"), "/\n");
    assert_eq!(text(&folder, "group").trim(), text(&folder, "pid").trim(), "a group of its own");

    let files = text(&folder, "files");
    let script = folder.path().join("script");
    let of_child = |file: &&str| {
        file.starts_with("pipe:") || **file == *script.to_string_lossy() || file.ends_with("/files")
    };
    let others: Vec<_> = files.lines().filter(|file| !of_child(file)).collect();
    assert_eq!(others, [""; 0], "{files}");
    let signals = text(&folder, "signals");
    let mask = |name: &str| {
        let line = signals.lines().find_map(|line| line.strip_prefix(name)).expect("a mask");
        u64::from_str_radix(line.trim_start_matches(':').trim(), 16).expect("a number")
    };
    // SIGPIPE and SIGTERM.
    assert_eq!((mask("SigBlk"), mask("SigIgn") & (1 << 12 | 1 << 14)), (0, 0), "{signals}");
}

#[test]
fn command_that_is_not_there_is_said_and_given_up() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let sink = "[[sink]]\ntype = \"exec\"\nname = \"hook\"\nevents = [\"restore_job.completed\"]\n\
                command = [\"/none/on-restore\"]\nretry_schedule = [\"10ms\"]\n";

    let done = Daemon::new("")
        .project("one", &plane, &["rj-1"])
        .with(sink)
        .run(&["--exit-when-done"])
        .run()
        .expect(0);

    done.logged("the command of the sink `hook` cannot be run here: No such file or directory")
        .logged("cannot run /none/on-restore: No such file or directory (os error 2)")
        .logged("its command cannot be run; check its `command`");
}

#[test]
fn killed_daemon_runs_the_command_again() {
    let folder = Folder::new();
    let plane = play(&done(&[("rj-1", "completed")]));
    let state = folder.path().join("state.db").display().to_string();
    let script = "echo $$ > pid; cat >> input; echo ran >> runs; test -e go || exec sleep 60";
    let text_of_daemon = sink(&folder, script, "timeout = \"90s\"");
    let daemon = || {
        Daemon::new(format!("[state]\npath = \"{state}\"\n"))
            .project("one", &plane, &["rj-1"])
            .with(&text_of_daemon)
    };

    let mut killed = daemon().run(&[]).start();
    killed.until("a run", |_| folder.path().join("runs").exists());
    assert_eq!(killed.kill().signal, Some(9));
    // Nothing ends it with the daemon, but systemd.
    drop(std::process::Command::new("kill").arg(text(&folder, "pid").trim()).status());
    folder.write("go", "");
    daemon().run(&["--exit-when-done"]).run().expect(0);

    let input = text(&folder, "input");
    let [first, second] = &json_lines(&input)[..] else { panic!("{input}") };
    assert_eq!(first, second);
}

#[test]
fn command_runs_again_if_its_success_was_not_recorded() {
    for (place, runs) in [("before_exec:1", 1), ("after_exec:1", 2)] {
        let folder = Folder::new();
        let plane = play(&done(&[("rj-1", "completed")]));
        let state = folder.path().join("state.db").display().to_string();
        let sink = sink(&folder, "cat >> input", "");
        let daemon = || {
            let daemon = Daemon::new(format!("[state]\npath = \"{state}\"\n"));
            daemon.project("one", &plane, &["rj-1"]).with(&sink).run(&["--exit-when-done"])
        };

        let killed = daemon().env("RESTORE_WATCH_FAILPOINT", place).run();
        daemon().run().expect(0);

        assert_eq!(killed.signal, Some(9), "{place}");
        let input = text(&folder, "input");
        let lines = json_lines(&input);
        assert_eq!(lines.len(), runs, "{place}: {input}");
        assert!(lines.iter().all(|line| *line == lines[0]), "{place}: {input}");
    }
}

#[test]
fn stop_asks_a_command_to_end_before_it_is_killed() {
    for (reaction, told) in [("echo told > told; exit 0", "told\n"), ("", "")] {
        let folder = Folder::new();
        let plane = play(&done(&[("rj-1", "completed")]));
        let script =
            format!("trap '{reaction}' TERM; echo $$ > pid.new; mv pid.new pid; while :; do sleep 1; done");
        let daemon = Daemon::new("drain_timeout = \"100ms\"\n").project("one", &plane, &["rj-1"]);
        let mut daemon = daemon.with(&sink(&folder, &script, "")).run(&[]).start();
        daemon.until("a run", |_| folder.path().join("pid").exists());

        daemon.signal("TERM");
        daemon.finish().expect(0).logged("deliveries still pending: 1");

        assert_eq!(text(&folder, "told"), told);
        // It ended before the daemon.
        assert!(!Path::new("/proc").join(text(&folder, "pid").trim()).exists(), "{reaction}");
    }
}

#[test]
fn reload_of_a_configuration_leaves_a_run_alone() {
    let folder = Folder::new();
    let plane = play(&done(&[("rj-1", "completed")]));
    let script = "echo ran >> runs; while ! test -e go; do sleep 0.01; done; echo ended >> runs";
    let text_of_daemon = sink(&folder, script, "");
    let daemon = || Daemon::new("").project("one", &plane, &["rj-1"]);
    let mut running = daemon().with(&text_of_daemon).run(&[]).start();
    running.until("a run", |_| folder.path().join("runs").exists());

    daemon().with(&text_of_daemon).with("timeout = \"1m\"\n").rewrite(&running);
    ask(&running, &["reload"]).expect(0);
    folder.write("go", "");

    running.until("its end", |_| text(&folder, "runs") == "ran\nended\n");
}

#[test]
fn notify_test_runs_the_command_with_the_test_event() {
    let folder = Folder::new();
    let text_of_file = format!("jobs = [\"rj-1\"]\n{}", sink(&folder, "cat > input; echo seen", ""));
    let config = folder.write("config.toml", text_of_file);

    let tested = Watch::new(["notify-test", "hook", "--config", &config]).run().expect(0);

    assert!(tested.stdout.contains("hook  exec  ok"), "{}", tested.stdout);
    tested.logged("its command printed: seen");
    let event: &Value = &json_lines(&text(&folder, "input"))[0];
    assert_eq!(event["type"], "restore_watch.test");
}

#[test]
fn descriptors_that_were_inherited_serve_the_daemon_alone() {
    let folder = Folder::new();
    let script = "(cd /; for fd in /proc/$$/fd/*; do readlink $fd; done) > files";
    let config = folder.write("config.toml", format!("jobs = [\"rj-1\"]\n{}", sink(&folder, script, "")));
    let launcher = "file=$1; shift; exec \"$@\" 63< \"$file\"";

    Watch::through(
        &["bash", "-c", launcher, "bash", &config],
        ["notify-test", "hook", "--config", "/dev/fd/63"],
    )
    .run()
    .expect(0);

    let files = text(&folder, "files");
    assert!(files.contains("pipe:") && !files.contains("config.toml"), "{files}");
}

#[test]
fn check_shows_the_command_without_its_arguments() {
    let folder = Folder::new();
    let sink = "[[sink]]\ntype = \"exec\"\ncommand = [\"./hook\", \"canary\"]\nretry = false\n";
    let config = folder.write("config.toml", format!("jobs = [\"rj-1\"]\n{sink}"));
    let program = folder.path().join("./hook").display().to_string();

    let checked = Watch::new(["check", "--config", &config]).run().expect(0);

    assert!(checked.stdout.contains(&format!("command {program} with 1 argument")), "{}", checked.stdout);
    assert!(!Path::new(&program).exists());
    let checked = checked.logged("warning: the command of the sink `exec` cannot be run here: No such file");
    assert!(!checked.stdout.contains("canary") && !checked.stderr.contains("canary"), "{checked:?}");
}
