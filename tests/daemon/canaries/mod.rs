//! No secret of any kind is in anything that can be seen of a daemon, whatever receivers do with it.
//!
//! Each secret has a word of its own in it. Receivers repeat what they get and refuse it, the log
//! has all that there is, and the words are searched for in all outputs, in the state, and in what
//! a command knows.
//!
//! Invariant: a test first proves that each secret was used, and that its word would be found.

mod outputs;
mod receivers;
mod words;
mod world;

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

use self::words::{CLIENT_KEY, NAMES, Search, forms, label, word};
use self::world::{REFUSED, SECRETS, World, signing};
use crate::support::{Folder, Running};
use crate::{Daemon, ask, journal, status};

/// Each receiver then repeated each part of a request with each status.
const ENOUGH: usize = 40;

#[test]
fn secrets_are_in_no_output_with_lines_for_people() {
    let world = World::new("human", 0);
    let log = live(&world, &[]);
    assert!(log.contains("TRACE") && log.contains("***"), "{log}");
    prove(&log);
}

#[test]
fn secrets_are_in_no_output_with_lines_of_json() {
    let world = World::new("json", 1);
    let log = live(&world, &[]);
    assert!(log.contains("\"level\":\"TRACE\"") && log.contains("***"), "{log}");
    prove(&log);
}

#[test]
fn secrets_are_in_no_entry_of_the_journal() {
    let folder = Folder::new();
    let path = folder.path().join("socket").to_string_lossy().into_owned();
    let Some(launcher) = journal::launcher(&path) else { return };
    let socket = UnixDatagram::bind(&path).expect("a socket");
    let entries = Arc::new(Mutex::new(Vec::new()));
    std::thread::spawn({
        let entries = Arc::clone(&entries);
        move || {
            let mut buffer = vec![0; 1 << 20];
            while let Ok(length) = socket.recv(&mut buffer) {
                entries.lock().expect("the entries").extend_from_slice(&buffer[..length]);
            }
        }
    });

    live(&World::new("human", 2), &launcher);

    let entries = entries.lock().expect("the entries");
    let text = String::from_utf8_lossy(&entries);
    assert!(text.contains("SYSLOG_IDENTIFIER=restore-watch") && text.contains("***"), "{text}");
    Search::new().none_in("the journal", &entries);
    prove(&text);
}

/// Runs a daemon through all that it does with secrets. Returns its log, which has been searched.
fn live(world: &World, launcher: &[&str]) -> String {
    let search = Search::new();
    let mut daemon = world.daemon(launcher).start();
    let folder = daemon.folder().path().to_owned();
    daemon.until("a ping", |_| world.monitor.count() > 0);
    daemon.until("a dead letter of each sink", gave_up);

    repeat_all(world, &daemon);
    assert_used(world, &search, &|_| false);
    outputs::search(&search, world, &daemon, &word("Token", false));

    world.write_secrets(&folder, true);
    ask(&daemon, &["reload"]).expect(0);
    repeat_all(world, &daemon);
    let is_rotated = |name: &str| world.kind_of_source(name) != 0;
    assert_used(world, &search, &is_rotated);
    outputs::search(&search, world, &daemon, &word("Token", is_rotated("token")));

    paste(world, &search, &daemon);
    outputs::search(&search, world, &daemon, &word("Token", is_rotated("token")));

    daemon.signal("TERM");
    assert!(daemon.ends_within(crate::support::PATIENCE));
    outputs::search_files(&search, &folder);
    let done = daemon.finish();
    search.none_in("standard output", done.stdout.as_bytes());
    search.none_in("standard error", done.stderr.as_bytes());
    done.stderr
}

fn gave_up(daemon: &Running) -> bool {
    let status = status(daemon);
    let sinks = status["sinks"].as_array().expect("sinks");
    let is_dead = |name: &&str| sinks.iter().any(|sink| sink["name"] == **name && sink["dead"] != 0);
    REFUSED.iter().all(is_dead) && !status["projects"][1]["refused"].is_null()
}

/// Has each receiver repeat each part of a request with each status.
fn repeat_all(world: &World, daemon: &Running) {
    let known = [world.hooks.count(), world.proxy.count(), world.mails.count()];
    loop {
        ask(daemon, &["notify-test"]).expect(1);
        let counts = [world.hooks.count(), world.proxy.count(), world.mails.count()];
        if counts.iter().zip(known).all(|(count, known)| *count >= known + ENOUGH / 2) {
            return;
        }
    }
}

/// Fails unless each secret reached its receiver.
fn assert_used(world: &World, search: &Search, is_rotated: &dyn Fn(&str) -> bool) {
    let seen = search.seen(&world.record());
    let mut expected = BTreeSet::new();
    for name in SECRETS {
        let names: &[&str] = match name {
            "refused" => &["Refused"],
            "hook" => &["HookUser", "HookPass", "HookPath", "HookArg"],
            "header" => &["Header"],
            "chat" => &["ChatPath"],
            "bearer" => &["Bearer"],
            "basic" => &["Basic"],
            "template" => &["Template"],
            "routing" => &["Route"],
            "hop" => &["HopUser", "HopPass"],
            "mail" => &["Mail"],
            // Its pings stop when a key is refused.
            "ping" if !is_rotated(name) => &["PingUser", "PingPass", "PingPath"],
            // The simulated API takes any key; the listener takes the token; what signs is not sent.
            _ => &[],
        };
        expected.extend(names.iter().map(|known| label(known, is_rotated(name))));
    }
    expected.extend([label("EnvUser", false), label("EnvPass", false)]);
    let missing: Vec<_> = expected.difference(&seen).collect();
    assert!(missing.is_empty(), "the receivers did not get {missing:?}");

    assert!(world.certified.count() > 0);
    let secrets = [("new", "SignNew"), ("old", "SignOld")];
    for secret in secrets.map(|(secret, name)| signing(&word(name, is_rotated(secret)))) {
        assert!(is_signed(world, &secret), "nothing was signed with {secret}");
    }
}

/// Whether a request was signed with this secret, among others.
fn is_signed(world: &World, secret: &str) -> bool {
    let verifier = standardwebhooks::Webhook::new(secret).expect("a secret");
    world.hooks.received().iter().any(|post| {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let Some(value) = post.header(name) else { return false };
            headers.insert(name, value.parse().expect("a value"));
        }
        verifier.verify(&post.body, &headers).is_ok()
    })
}

/// Has the daemon and `check` read configurations in which secrets stand at their keys.
fn paste(world: &World, search: &Search, daemon: &Running) {
    let forms: [fn(&str) -> String; 6] = [
        |secret| format!("'''{secret}'''"),
        |secret| format!("['''{secret}''', 5]"),
        |secret| format!("{{ flie = '''{secret}''' }}"),
        |secret| format!("{{ file = '''{secret}''', env = 5 }}"),
        |secret| secret.lines().last().unwrap_or_default().to_owned(),
        |secret| format!("'{secret}\" # {secret}"),
    ];
    let mut refused = 0;
    for form in forms {
        for pasted in SECRETS.chunks(1).chain([&SECRETS[..]]) {
            let config = world.config(&|name| {
                if pasted.contains(&name) { form(&world.text(name, false)) } else { world.source(name) }
            });
            Daemon::new(config).rewrite(daemon);
            let reloaded = ask(daemon, &["reload"]);
            // A URL may stand in the configuration.
            assert!([Some(0), Some(78)].contains(&reloaded.code), "{}", reloaded.stderr);
            refused += usize::from(reloaded.code == Some(78));
            search.none_in(
                &format!("a reload with {pasted:?}"),
                (reloaded.stdout + &reloaded.stderr).as_bytes(),
            );

            let checked = world.command(daemon, &["check"]).run();
            search.none_in(&format!("a check of {pasted:?}"), (checked.stdout + &checked.stderr).as_bytes());
            let shown = ask(daemon, &["status"]);
            search.none_in(&format!("a status after {pasted:?}"), (shown.stdout + &shown.stderr).as_bytes());
        }
    }
    assert!(refused > forms.len() * (SECRETS.len() - 4), "{refused}");
    Daemon::new(world.config(&|name| world.source(name))).rewrite(daemon);
    ask(daemon, &["reload"]).expect(0);
}

/// Fails unless a secret anywhere in this output would be found.
fn prove(output: &str) {
    let search = Search::new();
    let middle = output.floor_char_boundary(output.len() / 2);
    // Around the place, which is as good as the whole of a long log.
    let before = &output[output.floor_char_boundary(middle.saturating_sub(2000))..middle];
    let behind = &output[middle..output.floor_char_boundary(middle + 2000)];
    for name in NAMES {
        for form in forms(&word(name, false)) {
            let planted = [before, &form, behind].concat();
            assert_eq!(search.seen(planted.as_bytes()), BTreeSet::from([(*name).to_owned()]), "{form}");
        }
    }
    for line in words::lines_of_key() {
        let planted = [before, &line, behind].concat();
        assert!(search.seen(planted.as_bytes()).contains(CLIENT_KEY), "{line}");
    }
}
