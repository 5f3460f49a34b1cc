//! A state in a database, and the replicas that share it.

use std::time::Duration;

use super::{FULL_DATABASE, printed, read};
use crate::config::{Encryption, PostgresAddress, PostgresSettings, SecretSource, StatePlace};

/// The database of a file with this in `[state]`, and more below it.
fn database(text: &str) -> PostgresSettings {
    let settings =
        read(&format!("jobs = []\n[state]\n{text}")).unwrap_or_else(|problems| panic!("{problems}"));
    match settings.state.place {
        Some(StatePlace::Postgres(database)) => *database,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_key_of_a_database_is_read() {
    let database = database(FULL_DATABASE.split_once("[state]").unwrap().1);

    let PostgresSettings { address, ca_file, allow_plaintext, cluster } = database;
    assert_eq!(address, PostgresAddress::From(SecretSource::Credential("postgres-url".to_owned())));
    assert_eq!(ca_file.unwrap().to_string_lossy(), "/etc/restore-watch/ca.pem");
    assert!(allow_plaintext);
    assert_eq!((cluster.name.as_str(), cluster.replica.as_deref()), ("production", Some("a")));
    assert_eq!(cluster.lease, Duration::from_secs(20));
}

#[test]
fn address_without_a_password_may_be_given() {
    for (text, shown) in [
        ("postgresql://rw@db.example/r", "PostgreSQL database r at db.example, cluster default"),
        (
            "host=/run/postgresql user=rw dbname=r",
            "PostgreSQL database r at /run/postgresql, cluster default",
        ),
    ] {
        let place = StatePlace::Postgres(Box::new(database(&format!("postgres = \"{text}\""))));
        assert_eq!(place.to_string(), shown);
    }
    let secret =
        StatePlace::Postgres(Box::new(database("postgres = { env = 'URL' }\n[cluster]\nname = 'x'")));
    assert_eq!(secret.to_string(), "PostgreSQL at the address from environment variable URL, cluster x");
}

#[test]
fn plaintext_to_another_machine_takes_a_key() {
    let text = "postgres = \"postgresql://rw@db.example/r?sslmode=disable\"\nallow_plaintext = true";

    assert_eq!(database(text).read_address().unwrap().encryption(), Encryption::Off);
}

#[test]
fn address_that_is_a_secret_is_judged_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    let said = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let error =
            database(&format!("postgres = {{ file = '{}' }}", file.display())).read_address().unwrap_err();
        format!("{error}; {}", error.help().unwrap_or_default()).replace(&file.display().to_string(), "FILE")
    };

    assert_eq!(
        said("postgresql://rw:canary@db.example/r?sslmode=disable"),
        "the address of the database from file FILE has sslmode=disable, which leads to another machine without TLS; \
         remove it, or write allow_plaintext = true in [state]"
    );
    assert_eq!(
        said(" \n"),
        "the address of the database: FILE is empty; it should hold one secret; write the secret into it, alone"
    );
}

const CASES: &[(&str, usize, &str)] = &[
    ("[state]\npath = 'a.db'\npostgres = { env = 'URL' }", 3, "`postgres` beside `path`"),
    ("[state]\nca_file = 'ca.pem'", 2, "`ca_file` without `postgres`"),
    ("[state]\npath = 'a.db'\nallow_plaintext = false", 3, "`allow_plaintext` without `postgres`"),
    ("[cluster]", 1, "a cluster without a database"),
    ("[state]\npath = 'a.db'\n[cluster]\nname = 'a'", 3, "a cluster without a database"),
    ("[state]\npostgres = true", 2, "must be a string or a table, found a boolean"),
    ("[state]\npostgres = ['a']", 2, "must be a string or a table, found an array"),
    ("[state]\npostgres = {}", 2, "names no source"),
    ("[state]\npostgres = { url = 'a' }", 2, "unknown key `url`"),
    ("[state]\npostgres = ''", 2, "is no address of PostgreSQL"),
    ("[state]\npostgres = 'mysql://rw@db/r'", 2, "is no address of PostgreSQL"),
    ("[state]\npostgres = 'postgresql://rw@db'", 2, "names no database"),
    ("[state]\npostgres = 'postgresql://db/r'", 2, "names no role"),
    ("[state]\npostgres = 'postgresql:///r?user=rw'", 2, "names no host"),
    ("[state]\npostgres = 'postgresql://rw:x@db/r'", 2, "must not hold a password"),
    ("[state]\npostgres = 'host=db user=rw dbname=r password=x'", 2, "must not hold a password"),
    ("[state]\npostgres = 'postgresql://${ROLE}@db/r'", 2, "has a placeholder like ${NAME}"),
    ("[state]\npostgres = 'postgresql://rw@db/r?sslrootcert=a'", 2, "has the parameter `sslrootcert`"),
    ("[state]\npostgres = 'postgresql://rw@db/r?sslmode=disable'", 2, "has sslmode=disable"),
    ("[state]\npath = 'postgresql://rw@db/r'", 2, "is the address of a database, not a path"),
    ("[state]\npostgres = { env = 'URL' }\nallow_plaintext = 1", 3, "must be true or false"),
    ("[state]\npostgres = { env = 'URL' }\n[cluster]\nlease = '2s'", 4, "`lease` is `2s`"),
    ("[state]\npostgres = { env = 'URL' }\n[cluster]\nlease = '46s'", 4, "`lease` is `46s`"),
    ("[state]\npostgres = { env = 'URL' }\n[cluster]\nlease = 15", 4, "must be a duration"),
    ("[state]\npostgres = { env = 'URL' }\n[cluster]\nname = ''", 4, "`name` is empty"),
    ("[state]\npostgres = { env = 'URL' }\n[cluster]\nname = \"a\\nb\"", 4, "line break"),
    ("[state]\npostgres = { env = 'URL' }\n[cluster]\nreplica = '${HOSTNAME}'", 4, "has a placeholder"),
    ("[state]\npostgres = { env = 'URL' }\n[cluster]\nreplicas = 2", 4, "did you mean `replica`?"),
];

#[test]
fn each_problem_has_its_line() {
    for (text, line, part) in CASES {
        let problems = read(&format!("jobs = []\n{text}")).expect_err(text).to_string();

        assert!(problems.contains(part), "{text}:\n{problems}");
        assert!(problems.contains(&format!("config.toml:{}:", line + 1)), "{text}:\n{problems}");
        assert!(problems.ends_with("\n\n1 problem in /etc/restore-watch/config.toml"), "{text}:\n{problems}");
    }
    let longest = "x".repeat(64);
    let with_name = |name: &str| {
        read(&format!("jobs = []\n[state]\npostgres = {{ env = 'A' }}\n[cluster]\nname = '{name}'"))
    };
    assert!(with_name(&longest).is_ok() && with_name(&(longest + "x")).is_err());
}

#[test]
fn problem_of_a_key_of_a_database_is_the_only_one() {
    for text in ["[state]\npostgress = { env = 'A' }\nca_file = 'a'\n[cluster]", "state = 1\n[cluster]"] {
        let problems = read(&format!("jobs = []\n{text}")).unwrap_err();

        assert_eq!(problems.iter().count(), 1, "{problems}");
    }
}

#[test]
fn problems_of_a_database_never_repeat_its_address() {
    let text = r#"
jobs = []
[state]
path = "host=canary user=rw dbname=r password=canary"
postgres = "postgresql://rw:canary@db.example/r"
ca_file = "~/ca.pem"
[cluster]
lease = "1m"
"#;
    insta::assert_snapshot!(printed(text), @r#"
error: `path` is the address of a database, not a path
 --> config.toml:4:8
  |
4 | path = "***"
  |        ^^^^^
  = help: if the state is kept there, write `postgres` in [state] in place of `path`

error: `postgres` beside `path`: a state is in one place
 --> config.toml:5:12
  |
5 | postgres = "***"
  |            ^^^^^
  = note: `path` is set on line 4
  = help: keep `postgres` for a database that replicas can share, or `path` for a file

error: `postgres` must not hold a password
 --> config.toml:5:12
  |
5 | postgres = "***"
  |            ^^^^^
  = help: write the whole address into a file or a credential, and say where it is: postgres = { file = "PATH" }, { credential = "NAME" } or { env = "NAME" }

error: `ca_file` starts with `~`, which is not replaced here
 --> config.toml:6:11
  |
6 | ca_file = "~/ca.pem"
  |           ^^^^^^^^^^
  = help: write the whole path

error: `lease` is `1m`
 --> config.toml:8:9
  |
8 | lease = "1m"
  |         ^^^^
  = help: give 3s to 45s

5 problems in config.toml
"#);
    for text in [
        "postgres = 'postgresql://rw:canary@db/r",
        "postgres = 'postgresql://rw:can@ary-canary@db/r'",
        "postgress = 'postgresql://rw:canary@db/r'",
        "postgres = ['postgresql://rw:canary@db/r']",
        "path = 'postgresql://rw:canary@db/r'",
        "keep = 'host=db password=canary'",
        "ca_file = 'host=db password = canary user=rw'",
    ] {
        let problems = read(&format!("jobs = []\n[state]\n{text}")).unwrap_err();
        assert!(!format!("{problems} {problems:?}").contains("canary"), "{problems}");
    }
}
