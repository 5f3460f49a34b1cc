//! What the keys of a mail mean, and what is refused.

use std::path::Path;

use crate::config::reader::FULL;
use crate::config::{EmailTls, SinkSettings, SinkTarget, TargetSettings as _};

const LEAST: &str = "host = 'Mail.Example.com'\nfrom = 'rw@example.com'\nto = 'ops@example.com'\n";

fn read(text: &str) -> Result<SinkSettings, String> {
    let text = format!("jobs = ['a']\n[[sink]]\ntype = 'email'\n{text}");
    let settings = crate::config::reader::parse_in(&text, Path::new("/etc/rw/config.toml"), &|_| None);
    settings.map(|settings| settings.sinks[0].clone()).map_err(|problems| problems.to_string())
}

fn email(text: &str) -> super::EmailSettings {
    match read(text).unwrap().target {
        SinkTarget::Email(email) => email,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_key_is_read() {
    let settings =
        crate::config::reader::parse_in(FULL, Path::new("/etc/rw/config.toml"), &|_| None).unwrap();
    let mut emails = settings.sinks.into_iter().filter_map(|sink| match sink.target {
        SinkTarget::Email(email) => Some(email),
        _ => None,
    });

    let email = emails.next().expect("a mail");

    assert_eq!((email.server().as_str(), email.tls), ("smtp.example.com:2525", EmailTls::Starttls));
    assert_eq!(email.ca_file.as_deref(), Some(Path::new("/etc/rw/mail-ca.pem")));
    assert_eq!(email.login.expect("a login").username, "alerts");
    assert_eq!(email.from.to_string(), "restore-watch <restores@example.com>");
    assert_eq!(email.to[1].to_string(), "Data Team <data@example.com>");
    assert_eq!(email.retry_schedule, [std::time::Duration::from_secs(1)]);
}

#[test]
fn the_usual_port_depends_on_tls() {
    for (text, port, tls) in [
        ("", 465, EmailTls::Implicit),
        ("tls = 'starttls'", 587, EmailTls::Starttls),
        ("tls = 'starttls'\nport = 25", 25, EmailTls::Starttls),
    ] {
        let email = email(&format!("{LEAST}{text}"));

        assert_eq!((email.host.as_str(), email.port, email.tls), ("mail.example.com", port, tls));
    }
}

#[test]
fn without_tls_only_this_machine_is_a_server() {
    let of =
        |host: &str| read(&LEAST.replace("Mail.Example.com", host).replace("to =", "tls = 'none'\nto ="));

    for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1", "postfix"] {
        assert!(of(host).is_ok(), "{host}");
    }
    for host in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "0.0.0.0"] {
        let error = of(host).unwrap_err();
        assert!(error.contains("`tls` cannot be \"none\" for a server on another machine"), "{error}");
    }
}

#[test]
fn a_login_is_shown_without_its_password() {
    let text = format!("{LEAST}username = 'alerts'\npassword = {{ file = 'mail' }}\nretry_schedule = ['1s']");
    let email = email(&text);

    let meaning = email.meaning();

    assert_eq!(meaning.target, "mail to ops@example.com");
    let facts = [
        ("server", "mail.example.com:465, with TLS from the start"),
        ("login", "as alerts, with a password from file /etc/rw/mail"),
        ("from", "rw@example.com"),
        ("retries", "after 1s"),
    ];
    assert_eq!(meaning.facts, facts.map(|(label, value)| (label, value.to_owned())));
    assert_eq!(email.secrets().len(), 1);
}

#[test]
fn addresses_are_read_with_and_without_names() {
    for text in [
        "ops@example.com",
        "Ops <ops@example.com>",
        "\"Ops, EU\" <ops@example.com>",
        "Öps <ops@example.com>",
        "root@localhost",
    ] {
        let email = email(&LEAST.replace("'ops@example.com'", &format!("['''{text}''']")));

        assert!(matches!(email.to[0].email.as_ref(), "ops@example.com" | "root@localhost"), "{text}");
    }
}

#[test]
fn addresses_that_cannot_be_used_are_refused() {
    for (text, fault) in [
        ("''", "is not an address"),
        ("'ops'", "is not an address"),
        ("'ops@'", "is not an address"),
        ("'ops@example.com, dba@example.com'", "is not one address"),
        ("'öps@example.com'", "that are not ASCII"),
        ("'ops@bücher.example'", "that are not ASCII"),
        ("\"ops@example.com\\r\\nBcc: x@example.com\"", "has a line break"),
        ("\"Ops\\nBcc: x@example.com <ops@example.com>\"", "has a line break"),
        ("'${MAIL_TO}@example.com'", "has a placeholder"),
        ("[]", "is empty"),
        ("['a@example.com', 'A <a@example.com>']", "is there twice"),
        ("7", "must be a string or an array"),
        (
            &format!("[{}]", (0..51).map(|n| format!("'a{n}@example.com'")).collect::<Vec<_>>().join(",")),
            "has 51 entries; at most 50",
        ),
    ] {
        let error = read(&LEAST.replace("'ops@example.com'", text)).unwrap_err();

        assert!(error.contains(fault), "{text}: {error}");
    }
}

#[test]
fn what_is_missing_or_misplaced_is_named() {
    for (text, fault) in [
        ("", "an email sink without `host`"),
        ("host = 'x'", "an email sink without `from`"),
        ("host = 'x'\nfrom = 'a@b.example'", "an email sink without `to`"),
        (&format!("{LEAST}username = 'a'"), "`username` without a `password`"),
        (&format!("{LEAST}password = {{ env = 'A' }}"), "`password` without a `username`"),
        (&format!("{LEAST}password = 'canary'\nusername = 'a'"), "must not hold the secret itself"),
        (&format!("{LEAST}tls = 'none'\nca_file = 'ca.pem'"), "`ca_file` is for connections with TLS"),
        (&format!("{LEAST}port = 0"), "`port` is `0`"),
        (&format!("{LEAST}tls = 'ssl'"), "`tls` cannot be `ssl`"),
        (&LEAST.replace("Mail.Example.com", "smtp://mail.example.com"), "is not the name of a host"),
    ] {
        let error = read(text).unwrap_err();

        assert!(error.contains(fault) && !error.contains("canary"), "{text}: {error}");
    }
}

#[test]
fn other_names_of_mails_lead_here() {
    for name in ["mail", "smtp", "e-mail", "sendmail"] {
        let text = format!("jobs = ['a']\n[[sink]]\ntype = '{name}'");

        let problems =
            crate::config::reader::parse_in(&text, Path::new("config.toml"), &|_| None).unwrap_err();

        assert!(problems.to_string().contains("write type = \"email\""), "{problems}");
    }
}
