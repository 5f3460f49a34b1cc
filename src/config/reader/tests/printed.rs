//! How problems look.

use super::printed;

#[test]
fn all_problems_of_a_file_are_reported_at_once() {
    let text = r#"
jobs = ["rj-1", "rj 2", "rj-1"]

[api]
requests_per_secnd = 2.0
burst = 0
request_timeout = 10
version = "latest"

[cadence]
min_interval = "2m"

[[sink]]
type = "desktop"
events = ["restore_job.complete", "failed", "restore_job.slow"]
"#;
    insta::assert_snapshot!(printed(text), @r#"
error: a restore job id has no spaces, line breaks or control characters
 --> config.toml:2:17
  |
2 | jobs = ["rj-1", "rj 2", "rj-1"]
  |                 ^^^^^^
  = help: copy the id as `pc` or the console shows it

error: the job `rj-1` is listed twice
 --> config.toml:2:25
  |
2 | jobs = ["rj-1", "rj 2", "rj-1"]
  |                         ^^^^^^
  = note: it is first listed on line 2
  = help: remove one of the two

error: unknown key `requests_per_secnd`
 --> config.toml:5:1
  |
5 | requests_per_secnd = 2.0
  | ^^^^^^^^^^^^^^^^^^
  = help: did you mean `requests_per_second`?

error: `burst` is `0`
 --> config.toml:6:9
  |
6 | burst = 0
  |         ^
  = help: give 1 to 1000

error: `request_timeout` must be a duration, found an integer
 --> config.toml:7:19
  |
7 | request_timeout = 10
  |                   ^^
  = help: write "10s" for seconds

error: `version` is `latest`, which is not a version of the API
 --> config.toml:8:11
  |
8 | version = "latest"
  |           ^^^^^^^^
  = help: versions are months, such as "2026-04"

error: `min_interval` (2m) is longer than `max_interval` (1m, the default)
  --> config.toml:11:16
   |
11 | min_interval = "2m"
   |                ^^^^
   = help: lower `min_interval` or raise `max_interval`

error: unknown event `restore_job.complete`
  --> config.toml:15:11
   |
15 | events = ["restore_job.complete", "failed", "restore_job.slow"]
   |           ^^^^^^^^^^^^^^^^^^^^^^
   = help: did you mean "restore_job.completed"?

error: unknown event `failed`
  --> config.toml:15:35
   |
15 | events = ["restore_job.complete", "failed", "restore_job.slow"]
   |                                   ^^^^^^^^
   = help: did you mean "restore_job.failed"?

9 problems in config.toml
"#);
}

#[test]
fn unknown_key_gets_a_hint() {
    insta::assert_snapshot!(printed("jobs = ['a']\nendpoint = 'x'\n[other]\na.b = 1"), @"
error: unknown key `endpoint`
 --> config.toml:2:1
  |
2 | endpoint = 'x'
  | ^^^^^^^^
  = help: `endpoint` belongs to [api], or to [project.api]

error: unknown key `other`
 --> config.toml:3:2
  |
3 | [other]
  |  ^^^^^
  = help: the keys known here are `api`, `cadence`, `discover`, `drain_timeout`, `heartbeat`, `jobs`, `project`, `sink`, `state`, `watch`

2 problems in config.toml
");
}

#[test]
fn values_of_declared_keys_are_shown() {
    let text = "jobs = ['a']\ndrain_timeout = '2h'\n[heartbeat]\nurl = 'https://a.example'\ninterval = '2d'";
    insta::assert_snapshot!(printed(text), @"
error: `drain_timeout` is `2h`
 --> config.toml:2:17
  |
2 | drain_timeout = '2h'
  |                 ^^^^
  = help: give 0s to 1h

error: `interval` is `2d`
 --> config.toml:5:12
  |
5 | interval = '2d'
  |            ^^^^
  = help: give 10ms to 1d

2 problems in config.toml
");
    insta::assert_snapshot!(printed("jobs = ['a']\ndrain_timeout = 10s\napi_key = 10s"), @"
error: string values must be quoted
 --> config.toml:2:17
  |
2 | drain_timeout = 10s
  |                 ^^^
  = help: put the value in quotes

error: string values must be quoted
 --> config.toml:3:11
  = help: put the value in quotes

2 problems in config.toml
");
}

#[test]
fn unknown_key_names_the_table_where_it_belongs() {
    let text = "jobs = ['a']\napi_key = { env = 'A' }\nallow_http = true\n[api]\ninterval = '1m'\njobs = []\n[watch]\ndeadline = '1h'";
    let problems = printed(text);
    for hint in [
        "`api_key` belongs to a [[project]]\n",
        "`allow_http` belongs to [api], or to [project.api], or to [heartbeat], or to a webhook\n",
        "`interval` belongs to [heartbeat]\n",
        "`jobs` belongs to the top of the file, or to a [[project]]\n",
        "`deadline` belongs to a job\n",
    ] {
        assert!(problems.contains(hint), "{hint}{problems}");
    }
}

#[test]
fn problems_of_discovery_and_slowness() {
    let text = r#"
discover = true
effort = "eager"
slow_after = "2h"
exclude = ["*"]
[watch]
slow_after = "p100"
[cadence]
effort = "eagre"
[[project]]
name = "default"
discover = { indexes = ["prod-*",
    "prod/[ab]", "pcsk_canary 1"], exclude = [], exlude = ["*-scratch"] }
[[project]]
name = "x"
discover = false
[[project]]
name = "y"
discover = "true"
[[sink]]
type = "log"
events = ["restore_job.slow"]
"#;
    insta::assert_snapshot!(printed(text), @r#"
error: unknown key `effort`
 --> config.toml:3:1
  |
3 | effort = "eager"
  | ^^^^^^
  = help: `effort` belongs to [cadence], or to [project.cadence]

error: unknown key `slow_after`
 --> config.toml:4:1
  |
4 | slow_after = "2h"
  | ^^^^^^^^^^
  = help: `slow_after` belongs to [watch], or to [project.watch]

error: unknown key `exclude`
 --> config.toml:5:1
  |
5 | exclude = ["*"]
  | ^^^^^^^
  = help: `exclude` belongs to `discover`, as in discover = { indexes = ["prod-*"] }

error: `slow_after` cannot be `p100`
 --> config.toml:7:14
  |
7 | slow_after = "p100"
  |              ^^^^^^
  = help: write "2h" for a time, or "p95" for longer than 95 % of the past restores

error: `effort` cannot be `eagre`
 --> config.toml:9:10
  |
9 | effort = "eagre"
  |          ^^^^^^^
  = help: did you mean "eager"?

error: the project `default` has a second `discover`
  --> config.toml:12:12
   |
12 | discover = { indexes = ["prod-*",
   |            ^^^^^^^^^^^^^^^^^^^^^^
   = note: the first is on line 2
   = help: remove one of the two

error: an entry of `indexes` has '/' in it, which no name of an index has
  --> config.toml:13:5
   |
13 |     "prod/[ab]", "***"], exclude = [], exlude = ["***"] }
   |     ^^^^^^^^^^^
   = help: write it like the name of an index; `*` stands for any characters or none, `?` for one

error: an entry of `indexes` has ' ' in it, which no name of an index has
  --> config.toml:13:18
   |
13 |     "prod/[ab]", "***"], exclude = [], exlude = ["***"] }
   |                  ^^^^^
   = help: write it like the name of an index; `*` stands for any characters or none, `?` for one

error: `exclude` is empty
  --> config.toml:13:46
   |
13 |     "prod/[ab]", "***"], exclude = [], exlude = ["***"] }
   |                                    ^^
   = help: remove it, or name indexes, such as "prod-*"

error: unknown key `exlude`
  --> config.toml:13:50
   |
13 |     "prod/[ab]", "***"], exclude = [], exlude = ["***"] }
   |                                        ^^^^^^
   = help: did you mean `exclude`?

error: the project `x` has no jobs to watch
  --> config.toml:14:1
   |
14 | [[project]]
   | ^^^^^^^^^^^
   = help: write jobs = ["RESTORE_JOB_ID"], discover = true to have all that are unfinished found, or jobs = [] to have them all come with `restore-watch add`

error: `discover` must be true, false or a table, found a string
  --> config.toml:19:12
   |
19 | discover = "***"
   |            ^^^^^
   = help: write it without quotes: true

12 problems in config.toml
"#);
}

#[test]
fn problems_of_a_webhook_and_the_state() {
    let text = r#"
jobs = ["a"]
[state]
paht = "state.db"
keep = "10m"
[[sink]]
type = "webhook"
block_private = true
url = "https://user:canary@[::ffff:10.0.0.1]/canary"
format = "Slack"
signing_secret = [{ env = "NEW" }, "whsec_canary", { file = "whsec_canary" }]
retry_schedule = ["5s", "1ms", 300]
[[sink]]
type = "log"
retry_schedule = ["5s"]
"#;
    insta::assert_snapshot!(printed(text), @r#"
error: unknown key `paht`
 --> config.toml:4:1
  |
4 | paht = "***"
  | ^^^^
  = help: did you mean `path`?

error: `keep` is `10m`
 --> config.toml:5:8
  |
5 | keep = "10m"
  |        ^^^^^
  = help: give 1h to 365d

error: `url` leads to the private address ::ffff:10.0.0.1
 --> config.toml:9:7
  |
9 | url = "***"
  |       ^^^^^
  = note: `block_private` is set on line 8
  = help: give a public address, or remove `block_private`

error: `format` cannot be `Slack`
  --> config.toml:10:10
   |
10 | format = "Slack"
   |          ^^^^^^^
   = help: did you mean "slack"?

error: an entry of `signing_secret` must not hold the secret itself
  --> config.toml:11:36
   |
11 | signing_secret = [{ env = "***" }, "***", { file = "***" }]
   |                                    ^^^^^
   = help: say where it is read from: { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }

error: `file` must not hold the secret itself
  --> config.toml:11:61
   |
11 | signing_secret = [{ env = "***" }, "***", { file = "***" }]
   |                                                    ^^^^^
   = help: give the PATH of the file that holds it

error: an entry of `retry_schedule` is `1ms`
  --> config.toml:12:25
   |
12 | retry_schedule = ["5s", "1ms", 300]
   |                         ^^^^^
   = help: give 10ms to 7d

error: an entry of `retry_schedule` must be a duration, found an integer
  --> config.toml:12:32
   |
12 | retry_schedule = ["5s", "1ms", 300]
   |                                ^^^
   = help: write "300s" for seconds

error: unknown key `retry_schedule`
  --> config.toml:15:1
   |
15 | retry_schedule = ["5s"]
   | ^^^^^^^^^^^^^^
   = help: `retry_schedule` belongs to a webhook

9 problems in config.toml
"#);
}

#[test]
fn clashing_names_are_refused() {
    let text = r#"
[[project]]
name = "x"
jobs = ["a"]
[[project]]
name = "x"
[[sink]]
type = "log"
[[sink]]
type = "log"
[[sink]]
type = "webhook"
url = "https://a.example"
[[sink]]
type = "webhook"
url = "https://b.example"
"#;
    insta::assert_snapshot!(printed(text), @r#"
error: the project `x` has no jobs to watch
 --> config.toml:5:1
  |
5 | [[project]]
  | ^^^^^^^^^^^
  = help: write jobs = ["RESTORE_JOB_ID"], discover = true to have all that are unfinished found, or jobs = [] to have them all come with `restore-watch add`

error: a second project has the name `x`
 --> config.toml:6:8
  |
6 | name = "x"
  |        ^^^
  = note: the first is on line 3
  = help: give each project its own name

error: a second sink of type "log"; there is one log
 --> config.toml:9:1
  |
9 | [[sink]]
  | ^^^^^^^^
  = note: the first is on line 7
  = help: join the two, with all their `events`

error: a second sink is called `webhook` because it has no name
  --> config.toml:14:1
   |
14 | [[sink]]
   | ^^^^^^^^
   = note: the first is on line 11
   = help: give each sink its own `name`: deliveries are kept under it

4 problems in config.toml
"#);
}

#[test]
fn first_syntax_error_of_every_line_is_reported() {
    let text = "jobs = [\"a\" \"b\"]\n[api\nburst = 4\nversion = 2026-04-\ncadence = { min_interval = \"1s\n[watch]\nuntil = \n";
    insta::assert_snapshot!(printed(text), @r#"
error: missing comma between array elements
 --> config.toml:1:13
  = help: expected `,`

error: unclosed table
 --> config.toml:2:5
  |
2 | [api
  |     ^
  = help: expected `]`

error: missing key for inline table element
 --> config.toml:6:1
  |
6 | [watch]
  | ^
  = help: expected `,`

error: missing comma between key-value pairs
 --> config.toml:7:1
  |
7 | until =
  | ^
  = help: expected `,`

4 problems in config.toml
"#);
}

#[test]
fn caret_stands_under_its_word() {
    let text = "jobs = [\"日本\", \"é\", { id\t= \"日本\" }]\n\tbrust = 4\r\n";
    insta::assert_snapshot!(printed(text), @r#"
error: the job `日本` is listed twice
 --> config.toml:1:27
  |
1 | jobs = ["日本", "é", { id    = "日本" }]
  |                                ^^^^^^
  = note: it is first listed on line 1
  = help: remove one of the two

error: unknown key `brust`
 --> config.toml:2:2
  |
2 |     brust = 4
  |     ^^^^^
  = help: the keys known here are `api`, `cadence`, `discover`, `drain_timeout`, `heartbeat`, `jobs`, `project`, `sink`, `state`, `watch`

2 problems in config.toml
"#);
    let long = format!("jobs = [{}5, {}]", "\"a-job-of-many\", ".repeat(20), "\"another\", ".repeat(20));
    insta::assert_snapshot!(printed(&long).lines().take(5).collect::<Vec<_>>().join("\n"), @r#"
error: the job `a-job-of-many` is listed twice
 --> config.toml:1:26
  |
1 | jobs = ["a-job-of-many", "a-job-of-many", "a-job-of-many", "a-job-of-many", "a-job-of-many", "a-job-of-many", "a-job-of-...
  |                          ^^^^^^^^^^^^^^^
"#);
}

#[test]
fn file_without_jobs_is_refused() {
    insta::assert_snapshot!(printed(""), @r#"
error: no jobs to watch
 --> config.toml
  = help: write jobs = ["RESTORE_JOB_ID"], discover = true to have all that are unfinished found, or jobs = [] to have them all come with `restore-watch add`

1 problem in config.toml
"#);
}

#[test]
fn list_of_problems_is_cut_short() {
    use std::fmt::Write as _;
    let text = (0..3000).fold(String::new(), |mut text, n| {
        writeln!(text, "key-{n} = 1").unwrap();
        text
    });
    let printed = printed(&text);
    assert!(printed.ends_with("3001 problems in config.toml (2901 not shown)"), "{printed}");
}
