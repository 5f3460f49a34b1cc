//! `restore-watch notify-test`

use restore_watch::simulate::Reply;
use serde_json::Value;

use crate::support::{Done, Folder, MailServer, Watch, receive, unused_address};

const ROUTING_KEY: &str = "0123456789abcdef0123456789canary";
const SECRET: &str = "whsec_Y2FuYXJ5IG9mIG5vdGlmeS10ZXN0LCBsb25nIGVub3VnaA==";

#[test]
fn test_goes_to_a_sink_whatever_its_route_is() {
    let receiver = receive([]);
    let sink = |name, keys| webhook(name, &receiver.url(), keys);
    let routes = [
        sink("one", "projects = [\"other\"]\nindexes = [\"none\"]"),
        sink("two", "projects = [\"default\"]\nnames = [\"none\"]\nevents = [\"restore_job.failed\"]"),
    ];
    let other = "[[project]]\nname = \"other\"\njobs = []\napi_key = { env = \"KEY\" }\n";

    notify(&(other.to_owned() + &routes.concat()), &[]).expect(0);

    assert_eq!(receiver.count(), 2);
}

#[test]
fn each_sink_gets_one_marked_test() {
    let receiver = receive(vec![Reply::status(202); 7]);
    let formats = ["standard", "cloudevents", "slack", "discord", "teams", "ntfy", "pagerduty"];
    let sinks: String = formats
        .iter()
        .map(|format| {
            let routing = if *format == "pagerduty" { "routing_key = { env = \"ROUTING_KEY\" }\n" } else { "" };
            let more = format!(
                "{routing}format = \"{format}\"\nsigning_secret = {{ env = \"SECRET\" }}\nevents = [\"restore_job.failed\"]"
            );
            webhook(format, &receiver.url(), &more)
        })
        .collect();
    let done = notify(&format!("[[sink]]\ntype = \"log\"\n{sinks}"), &[]).expect(0);

    assert_eq!(done.stdout.matches(" ok ").count(), 8, "{}", done.stdout);
    assert_eq!(done.stderr.matches("a test of restore-watch").count(), 1, "{}", done.stderr);
    let posts = receiver.received();
    let mut types: Vec<_> = posts.iter().map(|post| post.header("content-type").expect("a type")).collect();
    types.sort_unstable();
    let json = "application/json";
    let event = "application/cloudevents+json";

    assert_eq!(types.len(), 7);
    assert_eq!(types.iter().filter(|kind| **kind == json).count(), 5, "{types:?}");
    assert!(types[0].starts_with(event) && types[6].starts_with("text/plain"), "{types:?}");
    let verifier = standardwebhooks::Webhook::new(SECRET).expect("a secret");

    for post in &posts {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, post.header(name).expect("signed").parse().expect("a value"));
        }
        verifier.verify(&post.body, &headers).expect("a good signature");
        let text = String::from_utf8_lossy(&post.body);
        assert!(text.to_lowercase().contains("test"), "{text}");
    }
    let standard: Vec<Value> =
        posts.iter().filter_map(|post| serde_json::from_slice(&post.body).ok()).collect();
    assert!(standard.iter().any(|body| body["type"] == "restore_watch.test" && body["job"].is_null()));
}

#[test]
fn templates_mails_and_commands_get_a_marked_test() {
    let (receiver, server, folder) = (receive([]), MailServer::start(), Folder::new());
    let template = webhook(
        "template",
        &receiver.url(),
        "format = \"template\"\n[sink.payload]\ntext = \"{{ type }}: {{ summary }}\"",
    );
    let file = folder.path().join("event.json");
    let command = format!(
        "[[sink]]\ntype = \"exec\"\nname = \"command\"\n\
         command = [\"/bin/sh\", \"-c\", \"cat > '{}'\"]\n",
        file.display()
    );

    let done = notify(&(template + &server.sink(&["ops@example.com"]) + &command), &[]).expect(0);

    assert_eq!(done.stdout.matches(" ok ").count(), 4, "{}", done.stdout);
    let posts = receiver.received();
    let body: Value = serde_json::from_slice(&posts[0].body).expect("JSON");
    assert!(body["text"].as_str().expect("a text").starts_with("restore_watch.test: "), "{body}");
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("\nSubject: Test of restore-watch, nothing happened\n"), "{}", mails[0]);
    let event: Value = serde_json::from_slice(&std::fs::read(file).expect("an event")).expect("JSON");
    assert_eq!(event["type"], "restore_watch.test");
}

#[test]
fn a_recipient_that_is_refused_is_named_and_others_get_the_mail() {
    let server = MailServer::start();
    let to = ["ops@example.com", "gone@example.com", "gone-too@example.com"];

    let done = notify(&server.sink(&to), &[]).expect(0);

    assert_eq!(server.mails().len(), 1);
    let line = "sink mail: restore_watch.test did not reach gone@example.com, gone-too@example.com, whom its mail \
                server refuses (SMTP 550: 5.1.1 no such user); mend `to`";
    assert_eq!(done.stderr.matches(line).count(), 1, "{}", done.stderr);
    notify(&server.sink(&to[1..]), &[]).expect(1);
    assert_eq!(server.mails().len(), 1);
}

#[test]
fn failure_of_each_sink_is_reported() {
    let receiver = receive([Reply::status(500)]);
    let sinks = [
        webhook("refused", &format!("http://{}", unused_address()), ""),
        webhook("broken", &receiver.url(), ""),
        "[[sink]]\ntype = \"log\"\n".to_owned(),
    ];
    let done = notify(&sinks.concat(), &["--output", "json"]).expect(1);
    let report = done.json();
    let of = |name: &str| {
        let rows = report.as_array().expect("an array");
        rows.iter().find(|row| row["sink"] == name).unwrap_or_else(|| panic!("{name}: {report}")).clone()
    };

    assert!(of("refused")["error"].as_str().expect("an error").contains("cannot connect"));
    assert!(of("broken")["error"].as_str().expect("an error").contains("HTTP 500"));
    assert_eq!(
        (&of("log")["ok"], &of("log")["error"], &of("broken")["ok"]),
        (&true.into(), &Value::Null, &false.into())
    );
    assert!(of("broken")["seconds"].as_f64().is_some_and(|seconds| seconds < 15.0));
}

#[test]
fn named_sinks_alone_are_tested() {
    let (one, two) = (receive([]), receive([]));
    let sinks = webhook("one", &one.url(), "") + &webhook("two", &two.url(), "");
    notify(&sinks, &["two"]).expect(0);
    assert_eq!((one.count(), two.count()), (0, 1));
    notify(&sinks, &["three"]).expect(2).logged("has no sink `three`").logged("it has: one, two");
}

#[test]
fn unusable_secrets_are_78() {
    let sink = webhook("one", "http://127.0.0.1:9", "signing_secret = { env = \"MISSING\" }");
    notify(&sink, &[]).expect(78).logged("sink one: ").logged("MISSING");
    let short = webhook("one", "http://127.0.0.1:9", "signing_secret = { file = \"short\" }");
    let folder = Folder::new();
    folder.write("short", "whsec_c2hvcnQ=");
    let config = folder.write("config.toml", format!("jobs = [\"rj-1\"]\n{short}"));
    let done = Watch::new(["notify-test", "--config", &config]).run().expect(78).logged("24 to 64");
    assert!(!done.stderr.contains("c2hvcnQ"), "{}", done.stderr);
}

#[test]
fn refusal_is_shown_in_one_line() {
    let pretty = "\u{feff}{\r\n  \"error\": {\r\n    \"message\": \"no such room\"\r\n  }\r\n}\r\n";
    for (reply, said) in [
        (Reply::status(400).body(pretty), r#"HTTP 400: { "error": { "message": "no such room" } }"#),
        (Reply::status(404).body("\n\n  no   such\thook\n"), "HTTP 404: no such hook"),
        (Reply::status(500), "HTTP 500\n"),
        (
            Reply::status(301).header("location", "https://elsewhere.example/canary-of-a-path?canary#canary"),
            "HTTP 301: a redirect to https://elsewhere.example***, which is not followed",
        ),
    ] {
        let receiver = receive([reply]);
        let done = notify(&webhook("one", &receiver.url(), ""), &[]).expect(1);
        assert!(done.stdout.contains(said), "{}", done.stdout);
    }
}

#[test]
fn secrets_repeated_by_a_receiver_are_not_shown() {
    // The user name and the password, of `user:canary-1`, and the path.
    for answer in [
        "auth Basic dXNlcjpjYW5hcnktMQ==",
        "no route /services/canary+2 for you",
        "no route %2Fservices%2Fcanary%2B2",
        r#"{"error":"no \/services\/canary+2"}"#,
        "no route /SERVICES/CANARY+2",
        "no route &#x2F;services&#x2F;canary+2",
    ] {
        let receiver = receive([Reply::status(400).body(answer)]);
        let url = receiver.url().replace("://", "://user:canary-1@");
        let sink =
            format!("[[sink]]\ntype = \"webhook\"\nname = \"one\"\nurl = \"{url}/services/canary%2B2\"\n");
        let shown = notify(&sink, &[]).expect(1).stdout;
        let lower = shown.to_lowercase();
        assert!(shown.contains("***") && !lower.contains("canary") && !shown.contains("dXNlcj"), "{shown}");
    }
}

fn notify(sinks: &str, arguments: &[&str]) -> Done {
    let folder = Folder::new();
    let config = folder.write("config.toml", format!("jobs = [\"rj-1\"]\n{sinks}"));
    let arguments = ["notify-test", "--config", &config].into_iter().chain(arguments.iter().copied());
    let done = Watch::new(arguments).env("SECRET", SECRET).env("ROUTING_KEY", ROUTING_KEY).run();
    for text in [&done.stdout, &done.stderr] {
        assert!(!text.contains("canary") && !text.contains(SECRET), "{text}");
    }
    done
}

fn webhook(name: &str, url: &str, more: &str) -> String {
    format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = \"{url}/canary-of-a-path?canary\"\n{more}\n"
    )
}
