//! `schema`: what the program prints and sends matches its schemas, by an independent validator.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{Folder, KEY, Watch, done, fast, play, receive};

/// A job that completed and whose index cannot become ready.
const DOOMED: &str = "[[job]]\nid = \"doomed\"\nage = \"1h\"\ntakes = \"10m\"\nindex = \"docs\"\n\
    [[index]]\nname = \"docs\"\nstates = [{ at = \"0s\", state = \"Disabled\" }]\n";

#[test]
fn schemas_begin_with_their_dialect_and_title() {
    for (what, title) in [
        (&["report"][..], "Report"),
        (&["transition"], "Transition"),
        (&["event"], "Transition"),
        (&["status"], "Status"),
        (&["history"], "History"),
        (&["stats"], "Stats"),
        (&["config"], "restore-watch configuration"),
        (&[], "restore-watch"),
    ] {
        let schema = schema(what);
        let keys: Vec<_> =
            schema.as_object().expect("an object").keys().map(String::as_str).take(3).collect();
        assert_eq!((keys, &schema["title"]), (vec!["$schema", "title", "description"], &json!(title)));
    }
    assert!(schema(&[])["$defs"]["Transition"].is_object());
}

#[test]
fn output_matches_the_schema() {
    let [report, event, either] =
        [&["report"][..], &["transition"], &[]].map(|what| validator(&schema(what)));
    judges(&report, &event, &either, &reports());
    judges(&event, &report, &either, &events());
}

#[test]
fn history_and_statistics_match_their_schemas() {
    let [history, stats] = [&["history"][..], &["stats"]].map(|what| validator(&schema(what)));
    let (folder, plane) = (Folder::new(), play(&done(&[("good", "completed"), ("bad", "failed")])));
    let database = folder.path().join("state.db").to_string_lossy().into_owned();
    let text = format!("jobs = [\"good\", \"bad\"]\n{}[state]\npath = \"{database}\"\n", fast(&plane));
    let config = folder.write("config.toml", text);
    Watch::new(["run", "--exit-when-done", "--config", &config]).env("PINECONE_API_KEY", KEY).run().expect(1);
    let printed = |arguments: &[&str]| {
        Watch::new([arguments, &["--json", "--state-file", &database]].concat()).run().expect(0).json()
    };

    let histories = [printed(&["history"]), printed(&["history", "--outcome", "failed"])];
    let statistics = [printed(&["stats", "--since", "1d"]), printed(&["stats", "--by", "index"])];

    assert_eq!(histories[0]["restores"].as_array().expect("restores").len(), 2);
    assert_eq!(statistics[0]["groups"].as_array().expect("groups").len(), 1);
    each_judges(&history, &stats, &histories);
    each_judges(&stats, &history, &statistics);
}

#[test]
fn schema_refuses_impossible_values() {
    let report = validator(&schema(&["report"]));
    let good = &reports()[0];
    for (pointer, bad) in [
        ("/version", json!(2)),
        ("/outcome", json!("fine")),
        ("/exit_code", json!(2)),
        ("/waited_seconds", json!("1")),
        ("/jobs/0/outcome", json!("Completed")),
        ("/jobs/0/polls", json!(-1)),
        ("/jobs/0/job/id", json!("")),
        ("/jobs/0/job/created_at", json!("yesterday")),
    ] {
        let mut value = good.clone();
        *value.pointer_mut(pointer).expect(pointer) = bad;
        assert!(!report.is_valid(&value), "{pointer}");
    }
}

#[test]
fn configurations_match_the_schema() {
    let schema = schema(&["config"]);
    let validator = validator(&schema);
    let sample = include_str!("../../config/restore-watch.toml");
    let full = include_str!("../../src/config/reader/tests/full.toml");
    let database = include_str!("../../src/config/reader/tests/full_database.toml");

    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for good in ["", "discover = true", sample, full, database] {
        accepts(&validator, &configuration(good));
    }
    for bad in [
        "job = ['a']",
        "jobs = 'a'",
        "jobs = [{ name = 'a' }]",
        "discover = { index = ['a'] }",
        "drain_timeout = '10 seconds'",
        "[api]\nburst = 0",
        "[cadence]\neffort = 'low'",
        "[watch]\ninterval = '1s'",
        "[state]\npath = 'a.db'\npostgres = { env = 'A' }",
        "[state]\nca_file = 'a.pem'",
        "[cluster]\nname = ''",
        "[heartbeat]\ninterval = '1m'",
        "[[project]]\nname = 'x'\napi_key = 'pcsk_a'",
        "[[project]]\nname = 'x'\napi_key = { env = 'A', file = 'b' }",
        "[[sink]]\nname = 'x'",
        "[[sink]]\ntype = 'log'\nurl = 'https://a.example'",
        "[[sink]]\ntype = 'webhook'",
        "[[sink]]\ntype = 'log'\nevents = ['restore_job.complete']",
        "[[sink]]\ntype = 'log'\nlevels = { 'restore_job.failed' = 'fatal' }",
    ] {
        assert!(!validator.is_valid(&configuration(bad)), "{bad}");
    }
}

#[test]
fn every_key_of_a_configuration_is_described() {
    fn check(schema: &Value, path: &str) -> usize {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            assert!(property["description"].is_string(), "{path}/{name}");
        }
        let inner: usize = match schema {
            Value::Object(fields) => {
                fields.iter().map(|(key, inner)| check(inner, &format!("{path}/{key}"))).sum()
            }
            Value::Array(items) => items.iter().map(|item| check(item, path)).sum(),
            _ => 0,
        };
        inner + properties.map_or(0, serde_json::Map::len)
    }

    assert!(check(&schema(&["config"]), "") > 50);
}

#[test]
fn every_field_of_the_output_is_described() {
    fn check(schema: &Value, path: &str) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let described = property.get("description").and_then(Value::as_str);
                assert!(described.is_some_and(|text| !text.contains('\n')), "{path}/{name}: {described:?}");
            }
            let required = schema["required"].as_array().expect("what is required");
            assert_eq!(required.len(), properties.len(), "{path}: every key is always there");
        }
        for (key, inner) in schema.as_object().into_iter().flatten() {
            check(inner, &format!("{path}/{key}"));
        }
    }
    for what in [&[][..], &["report"], &["transition"], &["status"], &["history"], &["stats"]] {
        let schema = schema(what);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(
            schema["description"].as_str().is_some_and(|text| text.contains("accept both")),
            "{schema:#}"
        );
        check(&schema, "");
    }
}

fn schema(what: &[&str]) -> Value {
    Watch::new([&["schema"], what].concat()).run().expect(0).json()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::meta::validate(schema).expect("a schema");
    jsonschema::options().should_validate_formats(true).build(schema).expect("a schema")
}

#[track_caller]
fn accepts(validator: &Validator, value: &Value) {
    let faults: Vec<_> = validator.iter_errors(value).map(|fault| format!("{fault}")).collect();
    assert!(faults.is_empty(), "{faults:?}\n{value:#}");
}

/// Reports of waits that end in many ways.
fn reports() -> Vec<Value> {
    let jobs = done(&[("good", "completed"), ("bad", "failed"), ("gone", "cancelled")]);
    let plane = play(&format!("{jobs}{DOOMED}[[job]]\nid = \"open\"\n"));
    [
        (&["good"][..], 0),
        (&["good", "--until", "ready"], 0),
        (&["doomed", "--until", "ready"], 1),
        (&["good", "bad", "gone", "--any"], 0),
        (&["good", "bad", "gone"], 1),
        (&["open", "good", "--timeout", "200ms"], 124),
        (&["unknown", "--not-found-grace", "50ms"], 3),
    ]
    .map(|(arguments, code)| {
        let arguments = [arguments, &["--output", "json"]].concat();
        Watch::wait(&plane, &arguments).run().expect(code).json()
    })
    .into()
}

/// Events of many kinds: from standard output, a webhook and the log.
fn events() -> Vec<Value> {
    let jobs = done(&[("good", "completed"), ("bad", "failed"), ("gone", "cancelled")]);
    let plane = play(&format!("{jobs}{DOOMED}"));
    let receiver = receive([]);
    let arguments = ["good", "bad", "gone", "unknown", "--not-found-grace", "50ms", "--output", "ndjson"];
    let wait = Watch::wait(&plane, &[&arguments[..], &["--webhook", &receiver.url()]].concat()).run();
    let mut found = wait.expect(1).json_lines();
    assert_eq!(found.len(), 7);
    let arguments = ["good", "doomed", "--until", "ready", "--output", "ndjson"];
    let of_indexes = Watch::wait(&plane, &arguments).run().expect(1).json_lines();
    assert_eq!(
        of_indexes.iter().filter(|line| line["type"].as_str().expect("a type").starts_with("index.")).count(),
        2
    );
    found.extend(of_indexes);

    let folder = Folder::new();
    let sinks = format!(
        "[[sink]]\ntype = \"log\"\nformat = \"json\"\n[[sink]]\ntype = \"webhook\"\nurl = \"{}\"",
        receiver.url()
    );
    let config = folder.write(
        "config.toml",
        format!("jobs = [\"good\"]\n{}{sinks}\n[state]\npath = \"state.db\"\n", fast(&plane)),
    );
    let run = Watch::new(["run", "--exit-when-done", "--config", &config]).env("PINECONE_API_KEY", KEY).run();
    let lines = run.expect(0).stderr;
    let of_log: Vec<_> = crate::support::json_lines(&lines)
        .into_iter()
        .filter_map(|line| line.get("transition").cloned())
        .collect();
    assert_eq!(of_log.len(), 2, "{lines}");
    found.extend(of_log);

    Watch::new(["notify-test", "--config", &config]).run().expect(0);
    let bodies: Vec<Value> =
        receiver.received().iter().map(|post| serde_json::from_slice(&post.body).expect("JSON")).collect();
    assert_eq!(bodies.last().expect("a test")["type"], "restore_watch.test");
    found.extend(bodies);
    found
}

/// The value with one change, in every way that must matter, each with a description.
fn spoilt(value: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let mut without = fields.clone();
                without.remove(key);
                found.push((format!("without {key}"), without.into()));
                let wrong = if field.is_object() || field.is_array() { json!(7) } else { json!({}) };
                let changed = std::iter::once((format!("{key} = {wrong}"), wrong)).chain(spoilt(field));
                for (what, field) in changed {
                    let mut other = fields.clone();
                    other.insert(key.clone(), field);
                    found.push((what, other.into()));
                }
            }
        }
        Value::Array(values) => {
            for (index, item) in values.iter().enumerate() {
                for (what, item) in spoilt(item) {
                    let mut other = values.clone();
                    other[index] = item;
                    found.push((what, other.into()));
                }
            }
        }
        _ => {}
    }
    found
}

/// The same value with one more key in every object.
fn extended(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: serde_json::Map<_, _> =
                fields.iter().map(|(key, field)| (key.clone(), extended(field))).collect();
            fields.insert("of_a_later_version".to_owned(), json!(true));
            fields.into()
        }
        Value::Array(values) => values.iter().map(extended).collect(),
        value => value.clone(),
    }
}

#[track_caller]
fn judges(own: &Validator, other: &Validator, either: &Validator, values: &[Value]) {
    each_judges(own, other, values);
    for value in values {
        accepts(either, value);
        for (what, spoilt) in spoilt(value) {
            assert!(!either.is_valid(&spoilt), "{what}: {spoilt:#}");
        }
    }
}

/// A schema accepts its own values, and neither those of the other nor any with a fault.
#[track_caller]
fn each_judges(own: &Validator, other: &Validator, values: &[Value]) {
    for value in values {
        accepts(own, value);
        accepts(own, &extended(value));
        assert!(!other.is_valid(value), "{value:#}");
        for (what, spoilt) in spoilt(value) {
            assert!(!own.is_valid(&spoilt), "{what}: {spoilt:#}");
        }
    }
}

/// A configuration as JSON.
fn configuration(text: &str) -> Value {
    toml::from_str(text).expect("TOML")
}
