//! What is accepted with a warning, and what people write first and is refused.

use super::{printed, read};

/// The warnings of a valid file, as they are printed.
fn warnings(text: &str) -> Vec<String> {
    let settings = read(text).unwrap_or_else(|problems| panic!("{problems}"));
    settings.warnings.iter().map(ToString::to_string).collect()
}

/// A file with no other reason for a warning.
fn with_log(text: &str) -> String {
    format!("{text}\n[[sink]]\ntype = \"log\"\n")
}

#[test]
fn warning_has_its_place_and_a_help() {
    let text = with_log("jobs = [\"a\"]\n[[project]]\nname = \"p2\"\njobs = [\"b\"]");
    let settings = read(&text).unwrap();
    insta::assert_snapshot!(warnings(&text).concat(), @r#"
warning: the project `p2` has no `api_key`, so it uses $PINECONE_API_KEY
 --> /etc/restore-watch/config.toml:3:8
  |
3 | name = "p2"
  |        ^^^^
  = help: write api_key = { file = "PATH" } to read its own key, or api_key = { env = "PINECONE_API_KEY" } if it is this one
"#);
    assert_eq!(
        settings.warnings[0].one_line(),
        "/etc/restore-watch/config.toml:3:8: the project `p2` has no `api_key`, so it uses $PINECONE_API_KEY; write \
         api_key = { file = \"PATH\" } to read its own key, or api_key = { env = \"PINECONE_API_KEY\" } if it is this one"
    );
}

#[test]
fn log_alone_is_a_warning_unless_it_is_written() {
    insta::assert_snapshot!(warnings("jobs = [\"a\"]").concat(), @r#"
warning: no sink reaches a person: events go to the log only
 --> /etc/restore-watch/config.toml
  = help: add a [[sink]] of type "webhook" or "desktop"; if the log is enough, say so:
          [[sink]]
          type = "log"
"#);
    assert_eq!(warnings(&with_log("jobs = [\"a\"]")), [""; 0]);
}

#[test]
fn log_without_events_is_a_warning() {
    let found = warnings("jobs = [\"a\"]\n[[sink]]\ntype = \"log\"\nevents = []");

    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("config.toml:4:10") && found[0].contains("the log says nothing of restores"),
        "{found:?}"
    );
}

#[test]
fn key_of_the_environment_is_a_warning_beside_another_project() {
    let project = |name: &str, key: &str| format!("[[project]]\nname = \"{name}\"\njobs = [\"a\"]\n{key}\n");
    let own = "api_key = { env = \"OWN\" }";
    for (text, count) in [
        (project("x", ""), 0),
        (project("x", own) + &project("default", ""), 0),
        (format!("jobs = [\"b\"]\n{}", project("x", own)), 0),
        (project("x", own) + &project("y", ""), 1),
        (project("x", "") + &project("y", ""), 2),
    ] {
        assert_eq!(warnings(&with_log(&text)).len(), count, "{text}");
    }
}

#[test]
fn format_that_a_known_host_does_not_take_is_a_warning() {
    let sink = |url: &str, format: &str| {
        format!("jobs = [\"a\"]\n[[sink]]\ntype = \"webhook\"\nurl = \"https://{url}\"\n{format}\n")
    };
    let found = warnings(&sink("hooks.slack.com/services/canary", ""));
    assert!(
        found[0].contains("sends format \"standard\" to a host that takes format \"slack\""),
        "{found:?}"
    );
    assert!(found[0].contains("config.toml:4:7") && !found[0].contains("canary"), "{found:?}");
    for (url, format, count) in [
        ("hooks.slack.com/x", "format = \"slack\"", 0),
        ("hooks.slack.com/x", "format = \"cloudevents\"", 1),
        ("discord.com/api/webhooks/1/x", "", 1),
        ("discord.com/api/webhooks/1/x/slack", "format = \"slack\"", 0),
        ("ntfy.sh/topic", "format = \"standard\"", 1),
        ("events.eu.pagerduty.com/v2/enqueue", "", 1),
        ("events.pagerduty.com/v2/enqueue", "format = \"pagerduty\"\nrouting_key = { env = \"KEY\" }", 0),
        ("hooks.example", "", 0),
        ("hooks.example", "routing_key = { env = \"KEY\" }", 1),
    ] {
        assert_eq!(warnings(&sink(url, format)).len(), count, "{url} {format}");
    }
}

#[test]
fn plain_mail_to_a_name_elsewhere_is_a_warning() {
    let sink = |host: &str, tls: &str| {
        format!(
            "jobs = [\"a\"]\n[[sink]]\ntype = \"email\"\nfrom = \"a@b.example\"\nto = \"a@b.example\"\n\
             host = \"{host}\"\ntls = \"{tls}\"\n"
        )
    };
    let found = warnings(&sink("mail.example.com", "none"));
    assert!(found[0].contains("sends mails without TLS to `mail.example.com`"), "{found:?}");
    assert!(found[0].contains("config.toml:7:7") && found[0].contains("host = \"localhost\""), "{found:?}");
    for (host, tls, count) in [
        ("mail.example.com", "starttls", 0),
        ("postfix", "none", 1),
        ("localhost", "none", 0),
        ("LocalHost", "none", 0),
        ("mail.localhost", "none", 0),
        ("127.0.0.9", "none", 0),
        ("::1", "none", 0),
    ] {
        assert_eq!(warnings(&sink(host, tls)).len(), count, "{host} {tls}");
    }
}

#[test]
fn name_with_blanks_around_it_is_a_warning() {
    let text = "[[project]]\nname = \"production \"\njobs = [{ id = \"a\", name = \" nightly\" }]\n[[sink]]\ntype = \"log\"\nname = \"a b\"";
    let found = warnings(text);

    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("`production `") && found[0].contains("help: write \"production\""),
        "{found:?}"
    );
}

#[test]
fn receiver_taken_for_a_type_gets_a_help() {
    let type_is =
        |word: &str| printed(&format!("jobs = ['a']\n[[sink]]\ntype = \"{word}\"\nurl = 'https://x'"));
    for (word, help) in [
        ("slack", "help: write type = \"webhook\" and format = \"slack\"\n"),
        ("Teams", "help: write type = \"webhook\" and format = \"teams\"\n"),
        ("PagerDuty", "help: write type = \"webhook\" and format = \"pagerduty\"\n"),
        ("Script", "help: write type = \"exec\" and command = [\"/path/to/program\"]\n"),
        (
            "telegram",
            "help: write type = \"webhook\" and format = \"template\", as config/sinks/telegram.toml has it",
        ),
        ("webhok", "help: did you mean \"webhook\"?\n"),
    ] {
        assert!(type_is(word).contains(help), "{}", type_is(word));
    }

    let table_is = |name: &str| printed(&format!("jobs = ['a']\n[{name}]\nurl = 'https://x'"));
    for (name, help) in [
        ("slack", "help: write [[sink]] with type = \"webhook\" and format = \"slack\"\n"),
        ("webhook", "help: write [[sink]] with type = \"webhook\"\n"),
        ("script", "help: write [[sink]] with type = \"exec\" and command = [\"/path/to/program\"]\n"),
        ("pagerduty", "help: write [[sink]] with type = \"webhook\" and format = \"pagerduty\"\n"),
        ("gotify", "write [[sink]] with type = \"webhook\" and post to a program"),
        ("email", "help: write [[sink]] with type = \"email\"\n"),
        ("smtp", "help: write [[sink]] with type = \"email\"\n"),
    ] {
        assert!(table_is(name).contains(help), "{}", table_is(name));
    }
}

#[test]
fn command_that_is_not_here_is_a_warning() {
    let exec = |command: &str| {
        warnings(&format!("jobs = [\"a\"]\n[[sink]]\ntype = \"exec\"\ncommand = {command}\nretry = false"))
    };

    insta::assert_snapshot!(exec("[\"/none/on restore\", \"canary\"]").concat(), @r#"
warning: the command of the sink `exec` cannot be run here: No such file or directory (os error 2)
 --> /etc/restore-watch/config.toml:4:11
  |
4 | command = ["***", "***"]
  |           ^^^^^^^^^^^^^^
  = help: write each argument as an entry of its own; the program must be there, and executable for the user of the daemon, where that runs
"#);
    assert_eq!(exec("[\"surely-not-in-the-path\"]").len(), 1);
    assert_eq!(exec("[\"sh\"]"), [""; 0]);
}

#[test]
fn remote_listener_without_a_token_is_a_warning() {
    let listens =
        |text: &str| warnings(&with_log(&format!("jobs = ['a']\n[http]\nallow_remote = true\n{text}")));

    let found = listens("listen = ['127.0.0.1:1', '0.0.0.0:9115']");

    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("config.toml:4:26") && found[0].contains("can reach http://0.0.0.0:9115"),
        "{found:?}"
    );
    for text in
        ["listen = '127.0.0.1:1'", "listen = '[::]:1'\ntoken = { env = 'TOKEN' }", "listen = 'unix:a'"]
    {
        assert_eq!(listens(text), [""; 0]);
    }
}

#[test]
fn key_at_the_top_is_answered_with_an_example() {
    insta::assert_snapshot!(printed("discover = true\napi_key = \"pcsk_canary\""), @r#"
error: unknown key `api_key`
 --> config.toml:2:1
  |
2 | api_key = "***"
  | ^^^^^^^
  = help: `api_key` belongs to a [[project]]
          the key of the project `default` is read from $PINECONE_API_KEY; from elsewhere with:
          [[project]]
          name = "default"
          api_key = { file = "PATH" }

1 problem in config.toml
"#);
}
