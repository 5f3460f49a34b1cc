//! `format = "template"`: what is read, and what is refused at which place.

use std::ffi::OsString;
use std::path::Path;

use serde_json::Value;

use crate::config::reader::parse_in;
use crate::config::{Problems, SecretSource, Settings, SinkTarget, TemplateSettings};
use crate::model::{Event, EventKind};
use crate::template::{Content, placeholder};

use super::{FULL, read};

const SINK: &str = "jobs = []\n[[sink]]\ntype = 'webhook'\nurl = 'https://x'\n";

/// Reads a sink with these lines, where CHAT is set, and PLAIN to a token.
fn parse(lines: &str) -> Result<Settings, Problems> {
    let variables = |name: &str| match name {
        "CHAT" => Some(OsString::from("-100")),
        "PLAIN" => Some(OsString::from("ghp_0123456789ab")),
        _ => None,
    };
    parse_in(&format!("{SINK}{lines}"), Path::new("config.toml"), &variables)
}

fn refused(lines: &str) -> String {
    parse(lines).expect_err(lines).to_string()
}

fn with_payload(payload: &str) -> String {
    format!("format = 'template'\npayload = {payload}\n")
}

fn templates(settings: Settings) -> Vec<TemplateSettings> {
    let template = |target| match target {
        SinkTarget::Webhook(webhook) => webhook.template.map(|template| *template),
        _ => None,
    };
    settings.sinks.into_iter().filter_map(|sink| template(sink.target)).collect()
}

#[test]
fn every_key_of_a_template_is_read() {
    let found = templates(read(FULL).unwrap());
    let [app, line] = &found[..] else { panic!("{found:?}") };

    assert_eq!(app.content_type, "application/json");
    assert_eq!(app.secrets, [("token".to_owned(), SecretSource::Credential("token".to_owned()))]);
    let event = Event::samples(EventKind::Completed).remove(0);
    let body: Value = serde_json::from_slice(&app.template.render(&event).body).unwrap();
    assert_eq!(body["token"], placeholder("token"));
    assert!(matches!(app.template.content, Content::Json(_)));
    assert_eq!(line.content_type, "text/csv");
    assert!(matches!(&line.template.content, Content::Text(leaf) if leaf.source() == "{{ type }}\n"));
}

#[test]
fn environment_variables_are_read_by_name() {
    let found = templates(parse(&with_payload("{ chat = '{{ env.CHAT }}' }")).unwrap());

    assert_eq!(found[0].template.env.get("CHAT").map(String::as_str), Some("-100"));
    assert_eq!(found[0].template.env.len(), 1);
}

#[test]
fn a_fault_is_shown_within_the_text() {
    insta::assert_snapshot!(refused(&with_payload("{ text = '{{ sumary }}' }")), @r#"
    error: `text` names an unknown variable `sumary`
     --> config.toml:6:24
      |
    6 | payload = { text = '{{ sumary }}' }
      |                        ^^^^^^
      = help: did you mean `summary`?

    1 problem in config.toml
    "#);
    insta::assert_snapshot!(refused(&with_payload("{ text = \"a \\t {{ summary | nope }}\" }")), @r#"
    error: `text` cannot be rendered for any event: filter nope is unknown
     --> config.toml:6:20
      |
    6 | payload = { text = "***{{ summary | nope }}" }
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^

    1 problem in config.toml
    "#);
    insta::assert_snapshot!(refused(&with_payload("{ text = '''\nfirst\n{{ status }''' }")), @r#"
    error: `text` is no valid template: unexpected `}`, expected end of variable block
     --> config.toml:8:11
      |
    8 | {{ status }''' }
      |           ^

    1 problem in config.toml
    "#);
    insta::assert_snapshot!(refused(&with_payload("[{ a = ['{{ job.id }}'] }]")), @r#"
    error: an entry of `a` cannot be rendered for project.unauthorized, project.recovered, restore_watch.test: a value is undefined
     --> config.toml:6:19
      |
    6 | payload = [{ a = ['{{ job.id }}'] }]
      |                   ^^^^^^^^^^^^^^
      = help: these events have no `job`; write {{ job.id if job else "-" }}

    1 problem in config.toml
    "#);
}

#[test]
fn all_faults_are_reported_at_once() {
    let problems =
        parse(&with_payload("{ a = '{{ x }}', b = '{% if %}', c = 1979-05-27, d = '{{ job.id }}' }"));

    let problems = problems.unwrap_err();
    assert_eq!(problems.iter().count(), 4, "{problems}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (lines, said) in [
        ("payload = { a = 1 }", "`payload` belongs to format = \"template\""),
        ("format = 'slack'\nbody = 'x'", "`body` belongs to format"),
        ("secrets = { a = { env = 'A' } }", "`secrets` belongs to format"),
        ("format = 'template'", "and no `payload`"),
        ("format = 'template'\nbody = 'x'\npayload = { a = 1 }", "`body` stands beside `payload`"),
        (
            "format = 'template'\npayload = { a = 1 }\ncontent_type = 'text/plain'",
            "`content_type` belongs to `body`",
        ),
        (
            "format = 'template'\nbody = 'x'\ncontent_type = \"text/plain\\r\\nX: y\"",
            "which is no content type",
        ),
        ("format = 'template'\nbody = 'x'\ncontent_type = 'plain'", "which is no content type"),
        ("format = 'template'\npayload = 'x'", "`payload` must be a table, found a string"),
        ("format = 'template'\npayload = {}", "`payload` is empty"),
        ("format = 'template'\npayload = { a = inf }", "`a` is no number that JSON has"),
        (
            "format = 'template'\nbody = 'x'\nheaders = { Content-Type = 'text/csv' }",
            "for a `body`, write it as `content_type`",
        ),
        ("format = 'template'\nbody = \"a\\u0000\"", "`body` has a NUL character in it"),
    ] {
        let problems = refused(lines);

        assert!(problems.contains(said), "{lines}\n{problems}");
        assert_eq!(problems.matches("error: ").count(), 1, "{lines}\n{problems}");
    }
}

#[test]
fn secrets_come_in_as_whole_values_only() {
    let secrets = "secrets = { token = { env = 'PUSH' } }\n";
    for (payload, said) in [
        ("{ a = 'x {{ secret.token }}' }", "`a` has a secret within a text"),
        ("{ a = '{{ secret.token | upper }}' }", "`a` has a secret within a text"),
        ("{ a = '{{ secret }}' }", "`a` has a secret within a text"),
        ("{ a = '{{ secret.tokn }}' }", "did you mean `secret.token`?"),
        ("{ a = 1 }", "the secret `token` is used nowhere"),
    ] {
        let problems = refused(&(with_payload(payload) + secrets));

        assert!(problems.contains(said), "{payload}\n{problems}");
    }
    let in_body = refused(&format!("format = 'template'\nbody = '{{{{ secret.token }}}}'\n{secrets}"));
    assert!(in_body.contains("`body` has a secret within a text"), "{in_body}");
}

#[test]
fn variables_with_secrets_are_refused() {
    for (payload, said) in [
        ("{ a = '{{ env.PINECONE_API_KEY }}' }", "`PINECONE_API_KEY`, which holds a secret"),
        ("{ a = '{{ env.PUSH }}', b = '{{ secret.push }}' }", "`PUSH`, which holds a secret"),
        ("{ a = '{{ env.BOT_TOKEN }}' }", "`BOT_TOKEN`, which holds a secret"),
        ("{ a = '{{ env.DB_PASS }}' }", "`DB_PASS`, which holds a secret"),
        ("{ a = '{{ env.GITHUB_PAT }}' }", "`GITHUB_PAT`, which holds a secret"),
        ("{ a = '{{ env.SLACK_WEBHOOK_URL }}' }", "`SLACK_WEBHOOK_URL`, which holds a secret"),
        ("{ a = '{{ env.TOKEN_2 }}' }", "`TOKEN_2`, which holds a secret"),
        ("{ a = '{{ env.PLAIN }}' }", "`PLAIN`, whose text looks like a secret"),
        ("{ a = '{{ env.OTHER }}' }", "`OTHER`, which is not set"),
        ("{ a = '{{ env[summary] }}' }", "uses `env` without the name of a variable"),
        ("{ a = '{{ env }}' }", "uses `env` without the name of a variable"),
        ("{ a = '{% for x in env %}{% endfor %}' }", "uses `env` without the name of a variable"),
        ("{ a = '{% set e = env %}{{ e.CHAT }}' }", "uses `env` without the name of a variable"),
    ] {
        let lines = with_payload(payload)
            + if payload.contains("secret.") { "secrets = { push = { env = 'PUSH' } }" } else { "" };
        let problems = refused(&lines);

        assert!(problems.contains(said), "{payload}\n{problems}");
    }
}

#[test]
fn a_pasted_secret_is_not_repeated() {
    let problems = refused(&with_payload("{ token = 'canary', text = '{{ nope }}' }"));

    assert!(problems.contains("{{ nope }}") && !problems.contains("canary"), "{problems}");
}

#[test]
fn a_secret_in_a_template_is_refused() {
    for lines in [
        "payload = { token = 'azGDORePK8gMaC0QOYAMyEEuzJnyUi' }",
        "payload = { auth = ['azGDORePK8gMaC0QOYAMyEEuzJnyUi'] }",
        "payload = { key = 'azGDORePK8gMaC0QOYAMyEEuzJnyUi' }",
        "payload = { text = 'ghp_0123456789ab {{ summary }}' }",
        "body = 'token=hunter2-canary&message={{ summary }}'",
        "body = '{\"api_key\": \"hunter2-canary\", \"text\": 1}'",
        "body = '{{ summary }} glpat-0123456789'",
    ] {
        let problems = refused(&format!("format = 'template'\n{lines}"));

        assert!(problems.contains("must not hold the secret itself"), "{lines}\n{problems}");
        assert!(problems.contains("`secrets`") && !problems.contains("canary"), "{problems}");
        assert_eq!(problems.matches("error: ").count(), 1, "{lines}\n{problems}");
    }
}

#[test]
fn what_only_resembles_a_secret_is_accepted() {
    for lines in [
        "payload = { fields = { project = { key = 'OPS' } } }",
        "payload = { dedup_key = '{{ id }}', text = 'token: {{ summary }}' }",
        "body = 'Key: restores. token={{ env.CHAT }}&a=abcdefgh'",
    ] {
        parse(&format!("format = 'template'\n{lines}")).expect(lines);
    }
}

#[test]
fn excerpts_show_the_expressions_of_templates_only() {
    insta::assert_snapshot!(refused("format = 'template'\nbody = 'sumary=hunter2-canary&x={{ sumary }}&y={{ id }}'"), @r#"
    error: `body` names an unknown variable `sumary`
     --> config.toml:6:36
      |
    6 | body = '***{{ sumary }}***{{ id }}'
      |               ^^^^^^
      = help: did you mean `summary`?

    1 problem in config.toml
    "#);
}

#[test]
fn text_after_an_unclosed_expression_is_masked() {
    let problems = refused("format = 'template'\nbody = '{{ status } x=hunter2-canary {{ id }}'");

    assert!(problems.contains("is no valid template") && problems.contains("{{ status }"), "{problems}");
    assert!(!problems.contains("canary"), "{problems}");
}

#[test]
fn a_refused_format_is_the_only_problem() {
    let sink = "jobs = []\n[[sink]]\ntype = 'webhook'\nformat = 'PagerDuty'\n";
    let problems = parse_in(sink, Path::new("config.toml"), &|_: &str| None).unwrap_err();

    assert_eq!(problems.iter().count(), 1, "{problems}");
}
