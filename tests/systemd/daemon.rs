//! restore-watch.service: its user and sandbox, its stops, and its restarts.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use restore_watch::simulate::{Receiver, Reply};

use crate::support::{KEY, done};
use crate::world::World;

const UNIT: &str = "restore-watch.service";

#[test]
fn daemon_runs_as_its_own_user_and_keeps_its_key() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&format!("api_key = \"{KEY}\"\n{}", done(&[("rj-1", "failed")])));
    world.configure(&plane, &["rj-1"], "");
    world.succeed("systemctl start restore-watch");
    world.until("the end of the job", || world.has_logged("--unit=restore-watch", " failed within "));

    let process = format!("/proc/{}", world.property(UNIT, "MainPID"));
    let status = world.succeed(&format!("cat {process}/status"));
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        line.unwrap_or_else(|| panic!("{name}: {status}")).to_owned()
    };
    assert_eq!((field("CapEff"), field("CapBnd")), ("0".repeat(16), "0".repeat(16)));
    assert_eq!((field("NoNewPrivs"), field("Seccomp")), ("1".to_owned(), "2".to_owned()));
    let uid: u32 = field("Uid").split('\t').next().unwrap().parse().unwrap();
    assert!((61184..65520).contains(&uid), "a dynamic user: {uid}");

    for (path, owner, mode) in [
        ("/var/lib/private/restore-watch", uid, 0o700),
        ("/var/lib/private/restore-watch/state.db", uid, 0o600),
        ("/run/restore-watch", uid, 0o700),
        ("/etc/restore-watch", 0, 0o755),
        ("/etc/restore-watch/pinecone-api-key", 0, 0o600),
    ] {
        let found =
            std::fs::metadata(world.seen_from_outside(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!((found.uid(), found.mode() & 0o7777), (owner, mode), "{path}");
    }

    let journal = world.succeed("journalctl --sync; journalctl --quiet --all --output=export");
    assert!(journal.contains("_SYSTEMD_UNIT=restore-watch.service") && !journal.contains(KEY));
    for file in ["cmdline", "environ"] {
        let text = world.succeed(&format!("tr '\\0' '\\n' < {process}/{file}"));
        assert!(!text.is_empty() && !text.contains(KEY), "{file}: {text}");
    }
}

#[test]
fn sandbox_of_the_unit_allows_all_it_needs() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&(done(&[("rj-1", "failed")]) + "[[fault]]\nfirst = 3\nkind = \"reset\"\n"));
    let receiver = world.receive(Vec::new());

    // Both are looked up by name; the second one fails at the TLS handshake.
    let port = receiver.address().port();
    let sinks = format!(
        "[[sink]]\ntype = \"log\"\n\
         [[sink]]\ntype = \"webhook\"\nname = \"plain\"\nurl = \"http://localhost:{port}\"\n\
         [[sink]]\ntype = \"webhook\"\nname = \"tls\"\nurl = \"https://localhost:{port}\"\n"
    );
    world.configure(&plane, &["rj-1"], &sinks);

    for start in 1..=2 {
        world.succeed("systemctl start restore-watch");
        world.until("both webhooks", || {
            receiver.count() == 2 && world.has_logged("--unit=restore-watch", "sink tls: ")
        });
        world.succeed("systemctl stop restore-watch");
        // A refused system call would have killed it.
        assert_eq!(world.property(UNIT, "Result"), "success", "start {start}");
    }
}

#[test]
fn sandbox_of_the_unit_allows_the_http_listener() {
    /// Asks with the header that is given, if one is.
    const ASK: &str = "exec 3<>/dev/tcp/127.0.0.1/9115
printf 'GET /v1/status HTTP/1.0\\r\\n' >&3
test -z \"$1\" || printf '%s\\r\\n' \"$1\" >&3
printf '\\r\\n' >&3
cat <&3";

    let Some(world) = World::boot() else { return };
    let plane = world.play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let http = "[http]\nlisten = [\"127.0.0.1:9115\", \"unix:/run/restore-watch/http.sock\"]\n\
                token = { credential = \"http-token\" }\n";
    world.configure(&plane, &["rj-1"], http);
    world.write("/etc/restore-watch/http-token", "canary-of-the-token");
    world.edit(UNIT, "[Service]\nLoadCredential=http-token:/etc/restore-watch/http-token\n");
    world.write("/tmp/ask", ASK);

    world.succeed("systemctl start restore-watch");

    assert!(world.succeed("bash /tmp/ask ''").starts_with("HTTP/1.0 401 "));
    let answer = world.succeed("bash /tmp/ask 'Authorization: Bearer canary-of-the-token'");
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.contains("\"rj-1\""), "{answer}");
    world.succeed("test -S /run/restore-watch/http.sock");
    world.succeed("restore-watch status --check");
    world.succeed("systemctl stop restore-watch");
    // A refused system call would have killed it.
    assert_eq!(world.property(UNIT, "Result"), "success");
    assert!(!world.succeed("journalctl --sync; journalctl --quiet --all --output=export").contains("canary"));
}

#[test]
fn stop_drains_pending_deliveries() {
    let Some(world) = World::boot() else { return };
    let plane = world.play("[[job]]\nid = \"rj-1\"");
    let receiver = world.receive(vec![Reply::status(200).after(Duration::from_secs(1))]);
    world.configure(&plane, &["rj-1"], &webhook(&receiver));

    world.succeed("systemctl start restore-watch");
    world.until("a webhook", || receiver.count() == 1);
    world.succeed("systemctl stop restore-watch");

    assert_eq!(world.property(UNIT, "Result"), "success");
    assert_eq!(world.property(UNIT, "ExecMainStatus"), "0");
    assert!(world.has_logged("--unit=restore-watch", "stopping; pending deliveries: 1"));
    assert!(!world.has_logged("--unit=restore-watch", "still pending"));
    assert!(world.has_logged("--unit=restore-watch", "stopped"));
}

#[test]
fn stop_is_in_time_with_a_hanging_receiver() {
    let Some(world) = World::boot() else { return };
    let plane = world.play("[[job]]\nid = \"rj\"\ncount = 20\nprogress = \"linear\"\ntakes = \"1h\"");
    let receiver = world.receive(Vec::new());
    receiver.otherwise(Reply::hang());
    let jobs: Vec<_> = (1..=20).map(|number| format!("rj-{number}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    world.configure(&plane, &jobs, &webhook(&receiver));

    world.succeed("systemctl start restore-watch");
    world.until("webhooks", || receiver.count() > 0);
    world.succeed("systemctl stop restore-watch");

    // It ended by itself, before systemd would have killed it.
    assert_eq!(world.property(UNIT, "Result"), "success");
    assert!(world.has_logged("--unit=restore-watch", "stopped; deliveries still pending: 20"));
}

#[test]
fn restart_after_a_kill_repeats_no_event() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&(done(&[("rj-1", "completed")]) + "[[job]]\nid = \"rj-2\"\n"));
    let receiver = world.receive(Vec::new());
    world.configure(&plane, &["rj-1", "rj-2"], &webhook(&receiver));
    world.edit(UNIT, "[Service]\nRestartSec=50ms\n");

    world.succeed("systemctl start restore-watch");
    // Two for the ended job, one for the other.
    world.until("three deliveries", || marked(&world) == 3);

    let posts = receiver.received();
    world.succeed("systemctl kill --signal=KILL restore-watch");
    world.until("a new start", || {
        world.has_logged("--unit=restore-watch", "watching 1 restore; ended before: 1")
    });

    assert_eq!(world.property(UNIT, "NRestarts"), "1");
    let polls = plane.count();
    world.until("more polls", || plane.count() > polls + 5);

    let ids: BTreeSet<_> = posts.iter().map(|webhook| webhook.header("webhook-id").unwrap()).collect();
    assert_eq!((ids.len(), posts.len(), receiver.count()), (3, 3, 3));
}

#[test]
fn bad_configuration_is_not_restarted() {
    let Some(world) = World::boot() else { return };
    world.write("/etc/restore-watch/config.toml", "jobs = [\"rj-1\"]\npol = 3\n");
    let ran = world.run("systemctl start restore-watch");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    // Before a restart it would be `activating`.
    assert_eq!(world.property(UNIT, "ActiveState"), "failed");
    assert_eq!(world.property(UNIT, "ExecMainStatus"), "78");
    assert_eq!(world.property(UNIT, "NRestarts"), "0");
    assert!(world.has_logged("--unit=restore-watch PRIORITY=3", "/etc/restore-watch/config.toml:2:1"));
}

#[test]
fn unusable_state_is_retried_until_it_can_be_used() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&done(&[("rj-1", "completed")]));
    world.configure(&plane, &["rj-1"], "");
    world.edit(UNIT, "[Service]\nRestartSec=50ms\n");

    world.succeed("systemctl start restore-watch && systemctl stop restore-watch");
    let file = world.seen_from_outside("/var/lib/private/restore-watch/state.db");
    std::fs::write(&file, "no database").unwrap();
    assert_eq!(world.run("systemctl start restore-watch").code, Some(1));

    world.until("further starts", || world.property(UNIT, "NRestarts").parse::<u32>().unwrap() >= 2);
    assert!(world.has_logged("--unit=restore-watch", "code=exited, status=74"));

    std::fs::remove_file(&file).unwrap();
    world.until("a good start", || world.property(UNIT, "ActiveState") == "active");
}

fn webhook(receiver: &Receiver) -> String {
    format!("[[sink]]\ntype = \"log\"\n[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url())
}

/// How many deliveries to the webhook are marked as delivered.
fn marked(world: &World) -> usize {
    let list = "restore-watch deliveries --state delivered --sink webhook --output json";
    let rows = world.succeed(&format!("{list} --state-file /var/lib/restore-watch/state.db"));
    serde_json::from_str::<Vec<serde_json::Value>>(&rows).unwrap().len()
}
