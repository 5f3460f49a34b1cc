//! Secrets that stand where they should not are refused and never repeated.

use std::path::Path;

use proptest::prelude::*;
use toml::de::DeTable;

use super::{printed, read};
use crate::config::keys::{self, Shown, Table, tables};
use crate::config::reader::parse_in;

const CANARY: &str = "canary";

/// Secrets that do not look like one.
const CANARIES: [&str; 4] = [CANARY, "canary-secret-token", "5f4dcc3b5aa765d61d8327deb882cf99", "4242424242"];

/// The names of all keys that are secrets or say where one is.
fn secret_names() -> impl Iterator<Item = &'static str> {
    let names = tables().flat_map(Table::names);
    names.filter(|name| keys::shown(name) == Shown::Nothing)
}

/// What is said of a file with syntax errors, in every form; nothing if it has none.
fn said_of_broken(text: &str) -> Option<String> {
    DeTable::parse(text).err()?;
    let problems = parse_in(text, Path::new("config.toml"), &|_| None).expect_err("a syntax error");
    Some(format!("{problems} {problems:?}"))
}

#[test]
fn secrets_are_not_repeated() {
    for text in [
        "api_key = 'pcsk_canary'",
        "api_key = { env = 'pcsk_canary' }",
        "api_key = { env = 'canary canary' }",
        "api_key = { credential = 'canary/canary' }",
        "api_key = { evn = 'canary' }",
        "api_key = \"\"\"\ncanary\"\"\"",
        "api_key = ['canary']",
        "api_key.key = 'canary'",
        "api_kye = 'canary'",
        "apikey = 'canary'",
        "token = 'canary'",
        "jobs = ['a', 5] # canary",
        "jobs = ['pcsk_canary', 'pcsk_canary']",
        "name = 'pcsk_canary'\nname2 = 'canary'",
        "\"pcsk_canary\" = 1",
        "api = { endpoint = 'https://canary:canary@example.com' }",
        "api = { endpoint = 'https://example.com/?canary' }",
        "api_key = 'pcsk_canary",
        "api_key = pcsk_canary",
        "api_key = \"pcsk_canary\" x",
        "api_key = \"\"\"\npcsk_canary\\q\n\"\"\"",
        "api_key = 1canary",
        "api_key == canary",
        "pcsk_canary",
        "api_key = pcsk=canary==",
        "jobs = [\"canary\" canary 'canary]",
    ] {
        let text = format!("[[project]]\nname = 'x'\njobs = ['a']\n{text}\n");
        let Err(problems) = read(&text) else { panic!("accepted:\n{text}") };
        assert!(!format!("{problems} {problems:?}").contains(CANARY), "{text}\n\n{problems}");
    }
    for text in [
        "url = 'canary:canary'",
        "url = 'http://user:canary@hooks.example/canary'",
        "url = 'https://hooks.example:canary'",
        "url = 'canary'",
        "url = https://hooks.example/canary",
        "url = { env = 'https://hooks.example/canary' }",
        "signing_secret = 'canary'",
        "signing_secret = 'whsec_canary\"",
        "signing_secret = { file = 'canary', env = 'CANARY' }",
        "signing_secret = ['canary', 'whsec_canary']",
        "signing_secret = [{ env = 'CANARY' }, 'whsec_canary']",
        "signing_secret = [\n  { file = 'whsec_canary' },\n  { credential = 'whsec_canary' },\n  { env = 'canary canary' },\n]",
        "signing_secret = [[['canary']], { env = { key = ['canary'] } }]",
        "signing_secret = [\n  whsec_canary,\n  'whsec_canary\n]",
        "signing_secrets = ['canary']",
        "signing_secret = { file = 'whsec_canary' }",
        "block_private = true\nurl = 'https://canary:canary@10.0.0.1/canary?canary'",
        "retry_schedule = ['5s', 'whsec_canary']",
        "format = 'whsec_canary'",
        "headers = 'canary'",
        "headers = { Authorization = 'Bearer canary' }",
        "headers = { Authorization = 'canary' }",
        "headers = { X-Api-Key = 'canary' }",
        "headers = { X-Team = 'Basic canary' }",
        "headers = { X-Team = 'canary\u{e9}' }",
        "headers = { X-Team = ['canary'] }",
        "headers = { X-Team = { flie = 'canary' } }",
        "headers.Cookie = 'canary'",
        "headers = { Host = 'canary' }",
        "bearer = 'canary'",
        "bearer = { tokn = 'canary' }",
        "basic = 'user:canary'",
        "basic = { user = 'user:canary', password = { env = 'A' } }",
        "basic = { user = 'user', password = 'canary' }",
        "url = 'https://user:canary@hooks.example'\nbearer = { env = 'A' }",
        "client_cert = '-----BEGIN PRIVATE KEY-----canary'",
        "client_cert = { cert = 'a', key = '-----BEGIN PRIVATE KEY-----canary' }",
        "proxy = 'http://user:canary@proxy.example:1'",
        "proxy = 'http://user:canary#@proxy.example:1'",
        "proxy = 'canary canary'",
        "events = ['https://canary@hooks.example']",
    ] {
        let text = format!("jobs = ['a']\n[[sink]]\ntype = 'webhook'\n{text}\n");
        let Err(problems) = read(&text) else { panic!("accepted:\n{text}") };
        assert!(!format!("{problems} {problems:?}").contains(CANARY), "{text}\n\n{problems}");
    }
}

#[test]
fn masked_line_keeps_its_shape() {
    let text = r#"
[[project]]
name = "x"
jobs = ["a"]
api_key = "pcsk_canary" # of the old account
[[sink]]
type = "webhook"
url = "http://user:canary@hooks.example/x"
[[sink]]
name = "two"
type = "webhook"
url = { evn = "HOOK" }
"#;
    insta::assert_snapshot!(printed(text), @r#"
error: `api_key` must not hold the secret itself
 --> config.toml:5:11
  |
5 | api_key = "***"
  |           ^^^^^
  = help: say where it is read from: { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }

error: `url` is plain http to another machine
 --> config.toml:8:7
  |
8 | url = "***"
  |       ^^^^^
  = help: use https, or set `allow_http = true`

error: unknown key `evn`
  --> config.toml:12:9
   |
12 | url = { evn = "***" }
   |         ^^^
   = help: did you mean `env`?

3 problems in config.toml
"#);
    insta::assert_snapshot!(printed("api_key = \"pcsk_canary\njobs = ['a' 'b'] # x"), @r#"
error: unclosed string
 --> config.toml:1:23
  = help: end the text with `"`

error: missing comma between array elements
 --> config.toml:2:13
  = help: expected `,`

2 problems in config.toml
"#);
}

#[test]
fn secrets_of_a_broken_file_are_not_repeated() {
    let mut seen = 0;
    for (name, canary) in secret_names().flat_map(|name| CANARIES.map(|canary| (name, canary))) {
        for value in [
            canary.to_owned(),
            format!("\"{canary}"),
            format!("'{canary}"),
            format!("\"{canary}\" x"),
            format!("\"https://hooks.slack.com/services/T000/B000/{canary}"),
            format!("{canary} 1"),
            format!("= {canary}"),
        ] {
            for text in broken_files(name, &value) {
                let said = said_of_broken(&text).expect("a syntax error");
                assert!(!said.contains(canary), "{text}\n\n{said}");
                seen += 1;
            }
        }
    }
    assert!(seen > 2000, "{seen}");
}

/// Files with syntax errors that have `value` at or below the secret key `name`, in every way.
fn broken_files(name: &str, value: &str) -> Vec<String> {
    let files = [
        format!("{name} = {value}"),
        format!("{name}.path = {value}"),
        format!("{name}.burst = {value}"),
        format!("sink.{name}.name = {value}"),
        format!("{name} . version = {value}"),
        format!("\"{name}\" = {value}"),
        format!("'{name}'.id = {value}"),
        format!("[sink.{name}]\nid = {value}"),
        format!("[sink.{name}\nid = {value}"),
        format!("[[sink.{name}]]\nname = {value}"),
        format!("[ sink . {name} ] # burst\nburst = {value}"),
        format!("[sink.\"{name}\"]\nburst = {value}"),
        format!("[{name}.api]\nburst = {value}"),
        format!("[sink.{name}]\n\n# [api]\njobs = 1\nburst = {value}"),
        format!("sink = {{ {name} = {value} }}"),
        format!("sink = [{{ {name} = {value} }}]"),
        format!("{name} = {{\nid = {value}\n}}"),
        format!("{name} = [\n[api],\n{{\nburst = {value}"),
        format!("{name} = \"\"\"\n[api]\nburst = {value}"),
        format!("{name} = '''\n[api]\nburst = {value}"),
        format!("{name} = \"\"\"\n\\q\n\"\"\"\n[sink.{name}]\nburst = {value}"),
        format!("[sink.{name}]\nid = '''\n[api]\n'''\nburst = {value}"),
    ];
    files.map(|file| file + "\n[[project]]\njobs = [\n").into()
}

#[test]
fn text_of_a_broken_file_is_not_repeated() {
    for text in [
        "endpoint = \"https://hooks.slack.com/services/canary",
        "path = canary",
        "[api]\nendpoint = https://canary",
        "version = canary",
        "id = 'canary",
        "jobs = ['canary",
        "[[sink]]\ntype = canary",
        "events = [canary]",
        "levels.canary = error",
        "[sink.levels]\ncanary = error = x",
    ] {
        let said = said_of_broken(text).expect("a syntax error");
        assert!(!said.contains(CANARY), "{text}\n\n{said}");
    }
}

/// A name in a path, as a file may write it.
fn segment() -> impl Strategy<Value = String> {
    let names: Vec<_> = tables().flat_map(Table::names).chain(["token", "ulr"]).collect();
    let quotes = prop::sample::select(&["", "", "", "\"", "'"][..]);
    (prop::sample::select(names), quotes).prop_map(|(name, quote)| format!("{quote}{name}{quote}"))
}

fn path() -> impl Strategy<Value = String> {
    let dot = prop::sample::select(&[".", ".", " . "][..]);
    (prop::collection::vec(segment(), 1..4), dot).prop_map(|(segments, dot)| segments.join(dot))
}

/// A value with the canary in it, as a text or as what was meant to be one.
fn value() -> impl Strategy<Value = String> {
    const FORMS: &[&str] = &[
        "C",
        "\"C",
        "'C",
        "\"C\"",
        "\"\"\"\nC",
        "'''C\n",
        "[C",
        "[\n'C'",
        "{ id = C",
        "{\nurl = 'C'\n",
        "https://C",
        "= C",
        "1 C",
        "C # C",
    ];
    const ENDS: &[&str] = &["", "", " x", ",", "]", "}", "\"\"\"", "'''"];

    (prop::sample::select(FORMS), prop::sample::select(ENDS))
        .prop_map(|(form, end)| form.replace('C', CANARY) + end)
}

/// A setting, a header or what breaks a file.
fn lines() -> impl Strategy<Value = String> {
    const HEADERS: &[&str] = &["[P]", "[[P]]", "[P", "[P] # x", "[P.\n", "[P]]"];
    const BREAKS: &[&str] = &["= 1", "]", "}", "[", "\"\"\"", "'''", "canary", "[canary", "[sink.canary"];

    let setting = (path(), value()).prop_map(|(path, value)| format!("{path} = {value}\n"));
    let number = path().prop_map(|path| format!("{path} = 1\n"));
    let header = (path(), prop::sample::select(HEADERS));
    let header = header.prop_map(|(path, form)| form.replace('P', &path) + "\n");
    let broken = prop::sample::select(BREAKS).prop_map(|line| format!("{line}\n"));
    prop_oneof![4 => setting, 1 => number, 2 => header, 1 => broken]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_any_broken_file_is_repeated(text in prop::collection::vec(lines(), 1..8)) {
        let text = text.concat();
        if let Some(said) = said_of_broken(&text) {
            prop_assert!(!said.contains(CANARY), "{text}\n\n{said}");
        }
    }
}
