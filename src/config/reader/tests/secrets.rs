//! Secrets that stand where they should not are refused and never repeated.

use super::{printed, read};

const CANARY: &str = "canary";

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
error: invalid basic string
 --> config.toml:1:23
  = help: end the text with `"`

error: missing comma between array elements
 --> config.toml:2:13
  = help: expected `,`

2 problems in config.toml
"#);
}
