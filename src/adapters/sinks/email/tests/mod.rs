//! Mails to servers that refuse, break off, say too much or nothing, with TLS and without.
//!
//! Invariant: an attempt ends within 30 s, whatever the server does.

mod server;

use self::server::{CLOSE, SILENCE, Server, pem};
use super::super::{Sink, sample_events};
use super::*;
use crate::config::{EmailLogin, SecretSource, SinkSettings, SinkTarget, TargetSettings as _};
use crate::model::time::Instant;
use crate::platform::clock::Clock;

const PASSWORD: &str = "canary-password";

fn settings(port: u16, tls: EmailTls) -> EmailSettings {
    let address = |text: &str| text.parse().unwrap();
    let to = vec![address("ops@example.com"), address("Data <data@example.com>")];
    let settings = EmailSettings::new("127.0.0.1", tls, address("rw@example.com"), to);
    EmailSettings { port, ..settings }
}

fn with_login(settings: EmailSettings) -> EmailSettings {
    let login = EmailLogin { username: "alerts".to_owned(), password: SecretSource::Public(PASSWORD) };
    EmailSettings { login: Some(login), ca_file: Some(pem("ca.pem")), ..settings }
}

fn sink(settings: EmailSettings) -> Sink {
    let settings = SinkSettings::new(SinkTarget::Email(settings));
    Sink::new(&settings, |_| Box::pin(std::future::ready(Ok(())))).unwrap()
}

fn payload(sink: &Sink) -> Payload {
    let event = sample_events::completed();
    Payload { body: sink.body(&event).unwrap(), event }
}

#[tokio::test]
async fn body_of_another_type_of_sink_is_never_a_mail() {
    let server = Server::default();
    let sink = sink(settings(server.start().await, EmailTls::None));
    let event = sample_events::completed();
    let own = sink.body(&event).unwrap();
    let published = serde_json::to_vec(&event).unwrap();

    for body in [published, b"Bcc: victim@example.com\r\n\r\ntext".to_vec(), own.clone()] {
        let payload = Payload { event: event.clone(), body };
        sink.deliver(&payload, Clock::system().now().wall).await.unwrap();
    }

    let received = server.received();
    let mails: Vec<_> = received.iter().filter(|what| what.starts_with("From: ")).collect();
    let own = String::from_utf8(own).unwrap();
    assert_eq!(mails, [&own; 3], "{received:?}");
}

/// The class and the text of a failure, and how long the attempt took; the port is left out.
type Failed = (FailureClass, String);

async fn attempt(settings: EmailSettings) -> (Result<(), Failed>, Duration) {
    let port = format!(":{}", settings.port);
    let sink = sink(settings);
    let payload = payload(&sink);
    let clock = Clock::set_to("2026-11-24T12:00:00Z".parse().unwrap());

    let result = sink.deliver(&payload, clock.now().wall).await;

    let took = clock.now().instant.since(Instant::default());
    let failed = |failure: Failure| {
        assert!(!failure.message.contains("canary"), "{}", failure.message);
        assert!(failure.message.chars().count() < 400, "{}", failure.message);
        (failure.class, failure.message.replace(&port, ""))
    };
    (result.map_err(failed), took)
}

async fn plainly(replies: &[(&'static str, &'static str)]) -> (Result<(), Failed>, Duration) {
    let port = Server::saying(replies).start().await;
    attempt(settings(port, EmailTls::None)).await
}

#[tokio::test(start_paused = true)]
async fn a_mail_is_handed_over_as_it_was_committed() {
    let server = Server::default();
    let sink = sink(settings(server.start().await, EmailTls::None));
    let payload = payload(&sink);

    sink.deliver(&payload, Timestamp::UNIX_EPOCH).await.unwrap();

    let mail = String::from_utf8(payload.body).unwrap();
    let said = server.received();
    let envelope = [
        "EHLO [127.0.0.1]",
        "MAIL FROM:<rw@example.com>",
        "RCPT TO:<ops@example.com>",
        "RCPT TO:<data@example.com>",
    ];
    assert_eq!(said[..4], envelope);
    assert_eq!(said[4..], ["DATA", mail.as_str(), "QUIT"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_retried_or_not_by_its_code() {
    let rejected = FailureClass::Rejected;
    for (command, reply, class, text) in [
        ("greeting", "421 busy\r\n", FailureClass::Transient, "SMTP 421 as its greeting: busy"),
        (
            "MAIL",
            "451-4.3.0 try\r\n451 later\r\n",
            FailureClass::Transient,
            "SMTP 451 to the sender: 4.3.0 try later",
        ),
        (
            "RCPT",
            "550 5.1.1 no such user\r\n",
            rejected(Rejection::Address),
            "SMTP 550 to the recipient ops@example.com: 5.1.1 no such user",
        ),
        ("content", "554 spam\r\n", rejected(Rejection::Body), "SMTP 554 to the mail: spam"),
        ("content", "451\r\n", FailureClass::Transient, "SMTP 451 to the mail"),
        (
            "greeting",
            "HTTP/1.1 400 Bad Request\r\n",
            FailureClass::Transient,
            "127.0.0.1 does not speak SMTP; it answers the new connection with: HTTP/1.1 400 Bad Request",
        ),
    ] {
        let (result, took) = plainly(&[(command, reply)]).await;

        assert_eq!(result, Err((class, text.to_owned())));
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_recipient_keeps_no_mail_from_the_others() {
    let server = Server::saying(&[("RCPT TO:<ops", "550 no such user\r\n")]);

    let (result, _) = attempt(settings(server.start().await, EmailTls::None)).await;

    assert_eq!(result, Ok(()));
    let said = server.received();
    assert_eq!(said[2..5], ["RCPT TO:<ops@example.com>", "RCPT TO:<data@example.com>", "DATA"]);
    assert!(said[5].contains("Message-ID: <"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_a_recipient_may_be_taken_later() {
    for replies in [
        [("RCPT TO:<ops", "550 no such user\r\n"), ("RCPT TO:<data", "450 later\r\n")],
        [("RCPT TO:<ops", "250 ok\r\n"), ("RCPT TO:<data", "450 later\r\n")],
    ] {
        let server = Server::saying(&replies);

        let (result, _) = attempt(settings(server.start().await, EmailTls::None)).await;

        let text = "SMTP 450 to the recipient data@example.com: later".to_owned();
        assert_eq!(result, Err((FailureClass::Transient, text)));
        assert!(!server.received().contains(&"DATA".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_ends_its_answer_times_out() {
    for (command, reply, text) in [
        ("content", SILENCE, "no answer from 127.0.0.1 to the mail within 30s"),
        ("DATA", "drip 3", "no answer from 127.0.0.1 to DATA within 30s"),
        ("EHLO", "drip 250-more\r\n", "no answer from 127.0.0.1 to EHLO within 30s"),
        (
            "greeting",
            SILENCE,
            "no answer from 127.0.0.1 to the new connection within 30s; if it expects TLS from the \
             start, write tls = \"implicit\"",
        ),
    ] {
        let (result, took) = plainly(&[(command, reply)]).await;

        assert_eq!(result, Err((FailureClass::Transient, text.to_owned())));
        assert!((29.9..=30.1).contains(&took.as_secs_f64()), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_is_not_read_to_its_end() {
    for command in ["greeting", "RCPT", "content"] {
        let (result, took) = plainly(&[(command, "endless")]).await;

        let (class, text) = result.unwrap_err();
        assert_eq!(class, FailureClass::Transient);
        assert!(text.ends_with(" is too long"), "{text}");
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_without_an_answer_is_sent_again_as_it_was() {
    let server = Server::saying(&[("content", CLOSE)]);
    let sink = sink(settings(server.start().await, EmailTls::None));
    let payload = payload(&sink);

    for _ in 0..2 {
        let failure = sink.deliver(&payload, Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Transient);
        assert!(failure.message.ends_with(" closed the connection without an answer to the mail"));
    }

    let mails: Vec<_> = server.received().into_iter().filter(|said| said.contains("Message-ID: <")).collect();
    assert_eq!((mails.len(), &mails[0]), (2, &mails[1]));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_waits_for_no_goodbye() {
    let (taken, took) = plainly(&[("QUIT", SILENCE)]).await;
    let (refused, _) = plainly(&[("QUIT", SILENCE), ("MAIL", "550 no\r\n")]).await;

    assert_eq!(taken, Ok(()));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(refused.unwrap_err().0, FailureClass::Rejected(Rejection::Address));
}

#[tokio::test]
async fn mails_are_sent_with_tls_and_a_login() {
    for starts_tls in [false, true] {
        for ehlo in
            ["250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "250-x\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n"]
        {
            let replies = [
                ("EHLO", ehlo),
                ("AUTH LOGIN", "334 who\r\n"),
                ("YWxlcnRz", "334 and\r\n"),
                ("Y2FuYXJ5", "235 in\r\n"),
            ];
            let server = Server::saying(&replies).with_tls("good.pem", starts_tls);
            let tls = if starts_tls { EmailTls::Starttls } else { EmailTls::Implicit };

            let (result, _) = attempt(with_login(settings(server.start().await, tls))).await;

            assert_eq!(result, Ok(()), "{starts_tls} {ehlo}");
            let said = server.received();
            assert!(said.iter().any(|said| said.starts_with("AUTH ")), "{said:?}");
            assert!(said.iter().any(|said| said.contains("Message-ID: <")), "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_login_repeats_no_password() {
    let echo = "535 5.7.8 AUTH PLAIN AGFsZXJ0cwBjYW5hcnktcGFzc3dvcmQ= canary-password\r\n";
    let server = Server::saying(&[("AUTH", echo)]).with_tls("good.pem", false);

    let (result, _) = attempt(with_login(settings(server.start().await, EmailTls::Implicit))).await;

    let text = "SMTP 535 to the login: 5.7.8 AUTH PLAIN AGFsZXJ0***= ***".to_owned();
    assert_eq!(result, Err((FailureClass::Rejected(Rejection::Credentials), text)));
}

#[tokio::test]
async fn a_server_without_a_login_gets_no_password() {
    let server = Server::saying(&[("EHLO", "250 here\r\n")]).with_tls("good.pem", false);

    let (result, _) = attempt(with_login(settings(server.start().await, EmailTls::Implicit))).await;

    assert_eq!(result.unwrap_err().0, FailureClass::Rejected(Rejection::Connection));
    assert_eq!(server.received(), ["EHLO [127.0.0.1]"]);
}

#[tokio::test]
async fn nothing_is_sent_without_starttls() {
    let refused = FailureClass::Rejected(Rejection::Connection);
    for (command, reply, expected, text) in [
        ("EHLO", "250-here\r\n250 AUTH PLAIN\r\n", refused, "127.0.0.1 offers no STARTTLS"),
        (
            "STARTTLS",
            "220 go on\r\n250-here\r\n250 AUTH PLAIN\r\n235 in\r\n",
            FailureClass::Misconfigured,
            "127.0.0.1 sent something after",
        ),
        ("STARTTLS", "502 no\r\n", refused, "SMTP 502 to STARTTLS: no"),
    ] {
        let server = Server::saying(&[(command, reply)]).with_tls("good.pem", true);

        let (result, _) = attempt(with_login(settings(server.start().await, EmailTls::Starttls))).await;

        let (class, shown) = result.unwrap_err();
        assert_eq!(class, expected, "{shown}");
        assert!(shown.starts_with(text), "{shown}");
        let said = server.received();
        assert!(said.iter().all(|said| said == "STARTTLS" || said.starts_with("EHLO ")), "{said:?}");
    }
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_for_the_host() {
    for (certificate, ca_file, text) in [
        (
            "other-name.pem",
            Some(pem("ca.pem")),
            "the certificate of 127.0.0.1 is for `other.test`, `third.test` alone",
        ),
        (
            "good.pem",
            None,
            "is issued by an authority that is not trusted here: name the certificate of that authority as `ca_file`",
        ),
    ] {
        for starts_tls in [false, true] {
            let server = Server::default().with_tls(certificate, starts_tls);
            let tls = if starts_tls { EmailTls::Starttls } else { EmailTls::Implicit };
            let settings = with_login(settings(server.start().await, tls));

            let (result, _) = attempt(EmailSettings { ca_file: ca_file.clone(), ..settings }).await;

            let (class, shown) = result.unwrap_err();
            assert_eq!(class, FailureClass::Misconfigured, "{shown}");
            assert!(shown.contains(text), "{shown}");
            assert!(!server.received().iter().any(|said| said.starts_with("AUTH")));
        }
    }
}

#[tokio::test]
async fn a_server_of_another_kind_of_tls_is_named() {
    let server = Server::default();

    let (result, _) = attempt(settings(server.start().await, EmailTls::Implicit)).await;

    let text = "cannot connect to 127.0.0.1: it does not speak TLS from the start; try tls = \"starttls\""
        .to_owned();
    assert_eq!(result, Err((FailureClass::Misconfigured, text)));
}

#[tokio::test(start_paused = true)]
async fn other_machines_are_not_reached_without_tls() {
    let elsewhere = EmailSettings { host: "192.0.2.1".to_owned(), ..settings(25, EmailTls::None) };

    let (result, took) = attempt(elsewhere).await;

    let text = "192.0.2.1 is on another machine (192.0.2.1), to which nothing is sent without TLS".to_owned();
    assert_eq!((result, took), (Err((FailureClass::Rejected(Rejection::Connection), text)), Duration::ZERO));
}

#[test]
fn no_form_of_a_sink_shows_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mail");
    std::fs::write(&file, PASSWORD).unwrap();
    let login = EmailLogin { username: "alerts".to_owned(), password: SecretSource::File(file) };
    let settings = EmailSettings { login: Some(login), ..settings(1, EmailTls::Implicit) };

    let shown = format!("{settings:?} {:?} {:?}", sink(settings.clone()), settings.meaning());

    assert!(shown.contains("alerts") && !shown.contains("canary"), "{shown}");
}

#[test]
fn another_password_is_another_fingerprint() {
    let settings = SinkSettings::new(SinkTarget::Email(settings(1, EmailTls::Implicit)));
    let of = |password| super::super::fingerprint::former(&settings, &[password]);

    assert_eq!(sink(with_login(self::settings(1, EmailTls::None))).receiver.secrets(), [PASSWORD]);
    assert_ne!(of(PASSWORD), of("another"));
}
