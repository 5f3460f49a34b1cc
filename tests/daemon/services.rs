//! The services that sinks of the format `template` and `pagerduty` send to: a running daemon with
//! the shipped examples, on receivers that enforce what the services document.

pub mod judges;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use restore_watch::model::EventKind;
use restore_watch::simulate::{Receiver, Reply, Simulator};
use serde_json::Value;

use crate::support::{Folder, KEY, Watch, done, play, receive};
use crate::{Daemon, ask, status};

/// The shipped examples: a name, the address of the service, and the credentials with their texts,
/// in which `HOST` is that address.
type Example = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const EXAMPLES: [Example; 5] = [
    ("telegram", "", &[("telegram-url", "HOST/botTELEGRAM_TOKEN/sendMessage")]),
    ("mattermost", "", &[("mattermost-url", "HOST/hooks/MATTERMOST_KEY")]),
    (
        "google-chat",
        "",
        &[("google-chat-url", "HOST/v1/spaces/AAAA/messages?key=GOOGLE_KEY&token=GOOGLE_TOKEN")],
    ),
    (
        "pushover",
        "https://api.pushover.net",
        &[("pushover-token", "PUSHOVER_TOKEN"), ("pushover-user", "PUSHOVER_USER")],
    ),
    ("jira-service-management", "https://api.atlassian.com", &[("jsm-authorization", "GenieKey JSM_KEY")]),
];

/// The texts that the credentials name.
const SECRETS: [(&str, &str); 7] = [
    ("TELEGRAM_TOKEN", judges::TELEGRAM_TOKEN),
    ("MATTERMOST_KEY", judges::MATTERMOST_KEY),
    ("GOOGLE_KEY", judges::GOOGLE_KEY),
    ("GOOGLE_TOKEN", judges::GOOGLE_TOKEN),
    ("PUSHOVER_TOKEN", judges::PUSHOVER_TOKEN),
    ("PUSHOVER_USER", judges::PUSHOVER_USER),
    ("JSM_KEY", judges::JSM_KEY),
];

/// A name that is markup, a mention, a link, a tag or a delimiter for some service.
const HOSTILE: &str =
    "<!channel> @everyone <users/all> <https://e.example|pay> <b>*_~`|[x](y)#\\\"}],{{ id }}\u{202e}😀";

/// The files of a configuration with these examples, unchanged but for the host of an address, and
/// with their credentials; `mend` makes the text of each credential.
fn examples(names: &[&str], host: &str, mend: fn(String) -> String) -> (Folder, String) {
    let credentials = Folder::new();
    let mut text = String::new();
    for (name, service, contents) in EXAMPLES.iter().filter(|(name, ..)| names.contains(name)) {
        let path = format!("{}/config/sinks/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let shipped = std::fs::read_to_string(path).expect("a shipped example");
        text += &if service.is_empty() { shipped } else { shipped.replace(service, host) };
        for (credential, content) in *contents {
            let secrets =
                SECRETS.iter().fold((*content).to_owned(), |text, (name, secret)| text.replace(name, secret));
            credentials.write(credential, mend(secrets).replace("HOST", host));
        }
    }
    (credentials, text)
}

fn all() -> Vec<&'static str> {
    EXAMPLES.iter().map(|(name, ..)| *name).collect()
}

fn with_secrets(watch: Watch, credentials: &Folder) -> Watch {
    watch
        .env("TELEGRAM_CHAT", judges::TELEGRAM_CHAT)
        .env("PAGERDUTY_KEY", judges::PAGERDUTY_KEY)
        .env("CREDENTIALS_DIRECTORY", &credentials.path().to_string_lossy())
}

/// A receiver that answers as the services do, and the refusals it gave.
fn services() -> (Receiver, Arc<Mutex<Vec<String>>>) {
    let receiver = receive([]);
    let refusals = Arc::new(Mutex::new(Vec::new()));
    receiver.decide({
        let refusals = Arc::clone(&refusals);
        move |post| {
            let (status, body) = judges::of(&post.path).map_or((404, String::new()), |judge| judge(post));
            if !(200..300).contains(&status) {
                let sent = String::from_utf8_lossy(&post.body).into_owned();
                refusals.lock().expect("no panic").push(format!("{}: {status} {body}\n{sent}", post.path));
            }
            Reply::status(status).body(body)
        }
    });
    (receiver, refusals)
}

/// Control planes on which an event of each type happens, under hostile names, and the tables that
/// watch them.
fn every_event() -> (Vec<Simulator>, String) {
    let index = |before: &str| quoted(&format!("{before}{HOSTILE}"));
    // What changes does so when the first polls are over, also of a daemon that starts slowly.
    let jobs = format!(
        "[[job]]\nid = \"ready\"\nindex = \"docs\"\ntakes = \"8s\"\nready_after = \"300ms\"\n\
         progress = [{{ at = \"300ms\", percent = 40 }}, {{ at = \"6s\", percent = 60 }}]\n\
         [[job]]\nid = \"gone\"\nindex = {}\nage = \"1h\"\ntakes = \"10m\"\n\
         [[job]]\nid = \"failed\"\nindex = {}\ntakes = \"300ms\"\nends = \"failed\"\n\
         [[job]]\nid = \"cancelled\"\nindex = {}\ntakes = \"300ms\"\nends = \"cancelled\"\n\
         [[job]]\nid = \"odd\"\nindex = {}\ntakes = \"300ms\"\nends = {}\nend_time = true\n\
         [[job]]\nid = \"slow\"\nindex = {}\ntakes = \"1h\"\n\
         statuses = [{{ at = \"0s\", status = \"Initializing\" }}, {{ at = \"8s\", status = \"Pending\" }}]\n\
         [[job]]\nid = \"late\"\nindex = {}\nappears = \"8s\"\ntakes = \"1h\"\n",
        index(""),
        index(&"<".repeat(2500)),
        index(&"@".repeat(2500)),
        index(&"😀".repeat(2500)),
        quoted(HOSTILE),
        index(&"\\*".repeat(2500)),
        index("\n\n# Heading\n- @all\n"),
    );
    let lost = format!(
        "[[job]]\nid = \"lost\"\nindex = {}\ntakes = \"1h\"\n\
         [[fault]]\nfrom = \"300ms\"\nto = \"8s\"\nkind = \"status\"\nstatus = 503\nbody_text = {}\n",
        index(&"\"&\u{7f}".repeat(1000)),
        quoted(HOSTILE),
    );
    let refused = format!("api_key = \"{KEY}\"\nrevoked = [{{ from = \"0s\", to = \"8s\" }}]\n");
    let planes = vec![play(&jobs), play(&lost), play(&refused)];

    // Names of the configuration have at most 64 characters, none of which is invisible.
    let name: String = HOSTILE.chars().take(64).collect();
    let ids = ["ready", "gone", "failed", "cancelled", "odd", "slow", "late"];
    let tables = project(&name, &planes[0], &ids)
        + &project(&"<".repeat(64), &planes[1], &["lost"])
        + &project(&"@all".repeat(16), &planes[2], &[]);
    (planes, tables)
}

/// A project that emits events soon, and whose jobs have a hostile name.
fn project(name: &str, plane: &Simulator, ids: &[&str]) -> String {
    let named: String = HOSTILE.chars().rev().filter(|c| *c != '\u{202e}').take(64).collect();
    let job = |id: &&str| format!("{{ id = \"{id}\", name = {}, deadline = \"1s\" }}", quoted(&named));
    let jobs: Vec<_> = ids.iter().map(job).collect();
    format!(
        "[[project]]\nname = {}\napi_key = {{ env = \"KEY\" }}\njobs = [{}]\ndiscover = {}\n\
         [project.api]\nendpoint = \"{}\"\nrequests_per_second = 200\nburst = 50\n\
         [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n\
         [project.watch]\nuntil = \"ready\"\nslow_after = \"1s\"\nnot_found_grace = \"0s\"\n\
         unauthorized_grace = \"0s\"\nunreachable_after = \"200ms\"\n",
        quoted(name),
        jobs.join(", "),
        ids.is_empty(),
        plane.url(),
    )
}

/// As TOML: a text of JSON is one of TOML as well, but for one character.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[test]
fn every_event_is_accepted_by_its_service() {
    let (planes, tables) = every_event();
    let (receiver, refusals) = services();
    let record = receive([]);
    let (credentials, sinks) = examples(&all(), &receiver.url(), |text| text);
    let daemon = Daemon::new("").with(&tables).with(&sinks).with(&format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"record\"\nurl = \"{}\"\n\
         [[sink]]\ntype = \"webhook\"\nname = \"pages\"\nformat = \"pagerduty\"\nurl = \"{}/v2/enqueue\"\n\
         routing_key = {{ env = \"PAGERDUTY_KEY\" }}\n\
         [sink_defaults]\nevents = [\"*\"]\nretry_schedule = [\"10ms\"]\n",
        record.url(),
        receiver.url()
    ));

    let mut daemon = with_secrets(daemon.run(&[]), &credentials).start();
    let happened = || -> Vec<(String, String)> {
        let event = |body: &[u8]| serde_json::from_slice::<Value>(body).expect("JSON");
        let events = record.received().into_iter().map(|post| event(&post.body));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        events.map(|event| (text(&event["id"]), text(&event["type"]))).collect()
    };
    daemon.until_logged("watching ");
    daemon.until("an event of each type", |_| {
        let types: HashSet<_> = happened().into_iter().map(|(_, kind)| kind).collect();
        EventKind::ALL.iter().all(|kind| types.contains(kind.as_str()))
    });
    daemon.until("all deliveries", |daemon| status(daemon)["deliveries"]["pending"] == 0);
    drop(planes);

    let refusals = refusals.lock().expect("no panic");
    assert!(refusals.is_empty(), "{} refusals, the first: {}", refusals.len(), refusals[0]);
    let sent: HashSet<(String, String)> = receiver
        .received()
        .iter()
        .map(|post| (post.path.clone(), post.header("webhook-id").expect("an id").to_owned()))
        .collect();
    let paths: HashSet<_> = sent.iter().map(|(path, _)| path).collect();
    assert_eq!(paths.len(), 6, "{paths:?}");
    for path in paths {
        let types: HashSet<_> = happened()
            .into_iter()
            .filter(|(id, _)| sent.contains(&(path.clone(), id.clone())))
            .map(|(_, kind)| kind)
            .collect();
        let wanted = if path.starts_with("/jsm") { 6 } else { EventKind::ALL.len() };
        assert_eq!(types.len(), wanted, "{path}: {types:?}");
    }
}

#[test]
fn refusals_of_services_are_dead_letters_without_secrets() {
    let plane = play(&done(&[("rj-1", "failed")]));
    let (receiver, refusals) = services();
    let (credentials, sinks) = examples(&all(), &receiver.url(), |text| text.replace("canary", "canard"));
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sinks);
    let daemon = daemon.with("[sink_defaults]\nretry_schedule = [\"10ms\"]\n");

    let mut daemon = with_secrets(daemon.run(&[]).env("RUST_LOG", "debug"), &credentials).start();
    daemon.until_logged("watching 1 restore");
    daemon.until("five dead letters", |daemon| status(daemon)["deliveries"]["dead"] == 5);

    assert_eq!(refusals.lock().expect("no panic").len(), 10, "each is sent twice");
    let listed = ask(&daemon, &["deliveries", "--all", "--output", "json"]).expect(0).stdout;
    daemon.signal("TERM");
    let logged = daemon.finish().expect(0).stderr;
    for said in [
        "HTTP 401: {",
        "Unauthorized",
        "Invalid webhook",
        "UNAUTHENTICATED",
        "token is invalid",
        "Could not authenticate",
    ] {
        assert!(logged.contains(said), "{said}: {logged}");
    }
    assert!(!logged.contains("canard") && !listed.contains("canard"), "{logged}{listed}");
}

#[test]
fn a_test_reaches_each_service() {
    let (receiver, refusals) = services();
    let (credentials, sinks) = examples(&all(), &receiver.url(), |text| text);
    let folder = Folder::new();
    let config = folder.write("config.toml", format!("jobs = [\"rj-1\"]\n{sinks}"));
    let run = |arguments: &[&str]| {
        let watch = Watch::new([arguments, &["--config", &config]].concat()).env("PINECONE_API_KEY", KEY);
        with_secrets(watch, &credentials).run()
    };

    let checked = run(&["check", "--secrets"]).expect(0);
    run(&["notify-test"]).expect(0);

    assert_eq!(refusals.lock().expect("no panic").as_slice(), [""; 0]);
    assert_eq!(receiver.count(), EXAMPLES.len());
    for name in all() {
        assert!(checked.stdout.contains(&format!("  ok      sink {name}: ")), "{}", checked.stdout);
    }
    assert!(!checked.stdout.contains("canary"), "{}", checked.stdout);
}

#[test]
fn the_wait_that_a_body_asks_for_is_kept() {
    let asked = Duration::from_secs(2);
    for (name, format, answer) in [
        (
            "telegram",
            "",
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 2","parameters":{"retry_after":2}}"#,
        ),
        (
            "discord",
            "discord",
            r#"{"message":"You are being rate limited.","retry_after":2.0,"global":false}"#,
        ),
    ] {
        let plane = play(&done(&[("rj-1", "failed")]));
        let receiver = receive([Reply::status(429).body(answer)]);
        let (credentials, shipped) = examples(&[name], &receiver.url(), |text| text);
        let url = receiver.url();
        let own = format!(
            "[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = \"{url}\"\nformat = \"{format}\"\n"
        );
        let daemon = Daemon::new("").project("one", &plane, &["rj-1"]);
        let daemon = daemon.with(if format.is_empty() { &shipped } else { &own });
        let daemon = daemon.with("[sink_defaults]\nretry_schedule = [\"10ms\"]\n");

        with_secrets(daemon.run(&["--exit-when-done"]), &credentials).run().expect(1);

        let posts = receiver.received();
        assert_eq!((posts.len(), &posts[0].body), (2, &posts[1].body), "{name}");
        let waited = posts[1].at.saturating_sub(posts[0].at);
        assert!(waited >= asked, "{name}: {waited:?}");
    }
}
