//! How the problems of one table look.

use super::printed;

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
   = help: `retry_schedule` belongs to a webhook, or to an email sink, or to an exec sink

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
