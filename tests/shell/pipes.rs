//! In pipes, under other programs, and with closed or full streams.

use crate::script::run;
use crate::support::{done, play};

/// Each script with its expected standard output, mostly exit codes.
#[test]
fn exit_codes_survive_closed_and_full_streams() {
    let plane = play(&format!("{}[[job]]\nid = \"open\"", done(&[("good", "completed"), ("bad", "failed")])));
    for (script, printed) in [
        (
            "echo '{\"restore_job_id\":\"good\"}' | restore-watch wait - | cut -d' ' -f1 | head -1; echo ${PIPESTATUS[1]}",
            "completed\n0\n",
        ),
        ("restore-watch wait - <&-; echo $?", "2\n"),
        ("restore-watch wait good --quiet <&- >&-; echo $?", "0\n"),
        ("restore-watch wait bad >&-; echo $?", "1\n"),
        ("restore-watch wait bad 2>&- >/dev/null; echo $?", "1\n"),
        ("restore-watch wait bad <&- >&- 2>&-; echo $?", "1\n"),
        ("restore-watch wait good >/dev/full; echo $?", "0\n"),
        ("restore-watch wait bad >/dev/full 2>&1; echo $?", "1\n"),
        ("restore-watch wait bad --output json >/dev/full; echo $?", "1\n"),
        ("restore-watch wait bad --output ndjson 2>/dev/full >/dev/null; echo $?", "1\n"),
        ("restore-watch wait bad | head -c0; echo ${PIPESTATUS[0]}", "1\n"),
        ("restore-watch wait good --output ndjson | true; echo ${PIPESTATUS[0]}", "0\n"),
        ("restore-watch wait good >/dev/full -- echo ran 2>&1 >&2; echo $?", "1\n"),
        ("restore-watch list >/dev/full; echo $?", "1\n"),
        ("restore-watch list | true; echo ${PIPESTATUS[0]}", "0\n"),
        ("restore-watch schema >&-; echo $?", "0\n"),
        ("restore-watch man wait >/dev/full; echo $?", "1\n"),
    ] {
        let Some(ended) = run("bash", script, &plane) else { return };
        assert_eq!(ended.stdout, printed, "{script}\n{}", ended.stderr);
    }
}

#[test]
fn failed_wait_stops_shells_with_errexit() {
    let plane = play(&done(&[("good", "completed"), ("bad", "failed")]));
    for shell in ["bash", "zsh"] {
        for (script, code, printed) in [
            ("set -e; restore-watch wait bad -q; echo went on", 1, false),
            ("set -e; restore-watch wait good -q; echo went on", 0, true),
            ("set -e -o pipefail; restore-watch wait bad -q | cat; echo went on", 1, false),
            ("set -e; restore-watch wait bad -q | cat; echo went on", 0, true),
            ("set -e; restore-watch wait bad -q || echo went on", 0, true),
            ("set -e; restore-watch wait good -q && exec restore-watch wait bad -q", 1, false),
        ] {
            let Some(ended) = run(shell, script, &plane) else { break };
            assert_eq!(ended.code, Some(code), "{shell}: {script}\n{}", ended.stderr);
            assert_eq!(ended.stdout.contains("went on"), printed, "{shell}: {script}");
        }
    }
}

#[test]
fn wait_by_xargs() {
    let plane = play(&done(&[("good", "completed"), ("fine", "completed"), ("bad", "failed")]));
    for (script, code, lines) in [
        (
            "printf 'good\\nfine\\n' | xargs restore-watch wait -q",
            0,
            &["completed  fine", "completed  good"][..],
        ),
        (
            "printf 'good\\nfine\\n' | xargs -n1 -P2 restore-watch wait -q",
            0,
            &["completed  fine", "completed  good"],
        ),
        // xargs has a code of its own for commands that fail.
        (
            "printf 'good\\nbad\\n' | xargs -P2 -n1 restore-watch wait -q",
            123,
            &["completed  good", "failed  bad"],
        ),
        ("echo | xargs -r restore-watch wait -q", 0, &[]),
    ] {
        let Some(ended) = run("bash", script, &plane) else { return };
        assert_eq!(ended.code, Some(code), "{script}\n{}", ended.stderr);
        let ids = ended.stdout.lines().filter(|line| !line.contains("(exit code "));
        let mut found: Vec<_> = ids
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .map(|words| format!("{}  {}", words[0], words[2]))
            .collect();
        found.sort_unstable();
        assert_eq!(found, lines, "{script}");
    }
}

#[test]
fn wait_under_timeout() {
    let plane = play("[[job]]\nid = \"open\"");
    for (options, code) in
        [("", 124), ("--foreground", 124), ("--preserve-status", 143), ("-s INT --preserve-status", 130)]
    {
        let script = format!("timeout {options} 1 restore-watch wait open; echo $?");
        let Some(ended) = run("bash", &script, &plane) else { return };
        assert!(
            ended.stdout.starts_with("Pending  ") && ended.stdout.contains("  open  "),
            "{script}: what is known is reported: {ended:?}"
        );
        assert!(ended.stdout.ends_with(&format!("\n{code}\n")), "{script}: {ended:?}");
    }
}

#[test]
fn stalled_standard_error_does_not_hold_up_a_signal() {
    let plane = play("[[job]]\nid = \"open\"");
    // The pipe is not read, and it is full before the signal comes.
    let script = "restore-watch wait open --progress plain --heartbeat 1ms 2> >(sleep 8 > /dev/null & echo $! >&3; wait) 3>&1 & \
        sleep 2; kill -TERM $!; SECONDS=0; wait $!; echo code $? after $((SECONDS / 4))";
    let Some(ended) = run("bash", script, &plane) else { return };
    assert!(ended.stdout.contains("code 143 after 0\n"), "{ended:?}");
}
