//! The mail about an event: its headers, a text and the same as HTML.
//!
//! Invariant: a mail depends on the event and the settings alone, is ASCII, and has the same headers
//! whatever the names in the event.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPartBuilder, MultiPartKind, SinglePart};
use sha2::{Digest as _, Sha256};

use crate::adapters::sinks::card::{Card, Label};
use crate::model::{Event, EventId, EventKind, Severity, presentable};

/// In characters.
const MAX_SUBJECT: usize = 200;

/// Headers that keep automatic answers away: RFC 3834 (section 5), and what Exchange reads instead.
const OF_AUTOMATA: [(&str, &str); 2] =
    [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "OOF, AutoReply")];

/// The whole mail, as RFC 5322 has it.
pub(super) fn message(event: &Event, from: &Mailbox, to: &[Mailbox]) -> Vec<u8> {
    let card = Card::new(event);
    let domain = from.email.domain();
    // No event is older than 1970.
    let seconds = u64::try_from(event.timestamp.as_second()).unwrap_or_default();
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);

    let mut mail = Message::builder()
        .from(from.clone())
        .subject(subject(&card))
        .date(date)
        .message_id(Some(format!("<{}@{domain}>", event.id)));
    for recipient in to {
        mail = mail.to(recipient.clone());
    }
    if let Some(thread) = thread(event) {
        let id = format!("<{thread}@{domain}>");
        mail = mail.in_reply_to(id.clone()).references(id);
    }
    for (name, value) in OF_AUTOMATA {
        mail = mail.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
    }

    let about = format!("{} {}", event.kind, event.id);
    // By the id: a random boundary would make other bytes of the same event.
    let parts = MultiPartBuilder::new().kind(MultiPartKind::Alternative).boundary(format!("=_{}", event.id));
    let parts = parts.singlepart(SinglePart::plain(text(&card, &about)));
    let mail = mail.multipart(parts.singlepart(SinglePart::html(html(&card, &about))));
    // Only without a sender and recipients it cannot be built.
    mail.map(|mail| mail.formatted()).unwrap_or_default()
}

/// Whether a mail is that of the event with this id.
pub(super) fn has_id(mail: &[u8], id: EventId) -> bool {
    let line = format!("\r\nMessage-ID: <{id}@");
    mail.windows(line.len()).any(|window| window == line.as_bytes())
}

/// What happened, and to which index, job or project.
fn subject(card: &Card) -> String {
    let of = |label| card.facts.iter().find(|(known, _)| *known == label);
    let subject = [Label::Index, Label::JobId, Label::Project].into_iter().find_map(of);
    let subject = subject.map(|(_, name)| format!(": {name}"));
    presentable(&format!("{}{}", card.heading, subject.unwrap_or_default()), MAX_SUBJECT)
}

/// Names all mails about one restore, or about one project. No mail has it as its id: mail programs
/// group those that refer to the same one.
fn thread(event: &Event) -> Option<String> {
    if event.kind == EventKind::Test {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(event.project.to_string());
    let kind = match &event.job {
        Some(job) => {
            // No name of a project has this character.
            hash.update([0]);
            hash.update(job.id.to_string());
            "job"
        }
        None => "project",
    };
    let hash: [u8; 32] = hash.finalize().into();
    let number = hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
    Some(format!("{kind}.{number:032x}"))
}

fn text(card: &Card, about: &str) -> String {
    let facts = card.facts.iter().map(|(label, value)| format!("{}: {value}\r\n", label.text()));
    let facts: String = facts.collect();
    let advice = card.advice.map(|advice| format!("{advice}\r\n"));
    let parts = [format!("{}\r\n", card.summary), facts, advice.unwrap_or_default(), format!("{about}\r\n")];
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("\r\n")
}

/// Without anything that is loaded from elsewhere.
fn html(card: &Card, about: &str) -> String {
    let row = |(label, value): &(Label, String)| {
        format!(
            "<tr><th style=\"text-align:left;padding-right:1em\">{}</th><td>{}</td></tr>\r\n",
            label.text(),
            escaped(value)
        )
    };
    let rows: String = card.facts.iter().map(row).collect();
    let table = if rows.is_empty() { rows } else { format!("<table>\r\n{rows}</table>\r\n") };
    let advice = card.advice.map(|advice| format!("<p>{}</p>\r\n", escaped(advice))).unwrap_or_default();
    let (heading, color) = (escaped(card.heading), color(card.severity));
    format!(
        "<!DOCTYPE html>\r\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{heading}</title></head>\r\n\
         <body style=\"font-family:sans-serif\">\r\n<h2 style=\"color:{color}\">{heading}</h2>\r\n<p>{}</p>\r\n\
         {table}{advice}<p><small>{}</small></p>\r\n</body></html>\r\n",
        escaped(&card.summary),
        escaped(about),
    )
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Success => "#1a7f37",
        Severity::Error => "#cf222e",
        Severity::Warning => "#9a6700",
        Severity::Info => "#57606a",
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::sample_events;
    use super::*;

    fn mailbox(text: &str) -> Mailbox {
        text.parse().unwrap()
    }

    fn mail(event: &Event) -> String {
        let to = [mailbox("ops@example.com"), mailbox("Daten <data@example.com>")];
        String::from_utf8(message(event, &mailbox("restore-watch <rw@example.com>"), &to)).unwrap()
    }

    /// The names of the headers of a mail or a part.
    fn headers(text: &str) -> Vec<&str> {
        let head = text.split_once("\r\n\r\n").expect("a head").0;
        let is_new = |line: &&str| !line.starts_with([' ', '\t']);
        head.split("\r\n").filter(is_new).map(|line| line.split_once(':').expect("a header").0).collect()
    }

    /// The mail about a completed restore: all before its HTML, and that.
    fn completed() -> [String; 2] {
        let mail = mail(&sample_events::completed()).replace('\r', "");
        let (text, html) =
            mail.rsplit_once("--=_01a20846-fe00-7000-8000-000000000000\nContent").expect("parts");
        [text.to_owned(), format!("Content{html}")]
    }

    #[test]
    fn completed_has_headers_and_a_text() {
        insta::assert_snapshot!(completed()[0], @r#"
        From: restore-watch <rw@example.com>
        Subject: Restore completed: docs
        Date: Mon, 23 Nov 2026 12:00:00 +0000
        Message-ID: <01a20846-fe00-7000-8000-000000000000@example.com>
        To: ops@example.com, Daten <data@example.com>
        In-Reply-To: <job.6c059c913c2ff109c215e7bb8dd72791@example.com>
        References: <job.6c059c913c2ff109c215e7bb8dd72791@example.com>
        Auto-Submitted: auto-generated
        X-Auto-Response-Suppress: OOF, AutoReply
        MIME-Version: 1.0
        Content-Type: multipart/alternative;
         boundary="=_01a20846-fe00-7000-8000-000000000000"

        --=_01a20846-fe00-7000-8000-000000000000
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: quoted-printable

        restore nightly (rj-1) into index docs completed after 6.0s

        Index: docs
        Took: 6.0s
        Backup: bk-1
        Job id: rj-1
        Noticed: 500ms after its end

        Wait until the index is ready before you send traffic to it: a completed re=
        store is no promise that it serves.

        restore_job.completed 01a20846-fe00-7000-8000-000000000000

        "#);
    }

    #[test]
    fn completed_is_readable_as_html() {
        insta::assert_snapshot!(completed()[1], @r#"
        Content-Type: text/html; charset=utf-8
        Content-Transfer-Encoding: quoted-printable

        <!DOCTYPE html>
        <html lang=3D"en"><head><meta charset=3D"utf-8"><title>Restore completed</t=
        itle></head>
        <body style=3D"font-family:sans-serif">
        <h2 style=3D"color:#1a7f37">Restore completed</h2>
        <p>restore nightly (rj-1) into index docs completed after 6.0s</p>
        <table>
        <tr><th style=3D"text-align:left;padding-right:1em">Index</th><td>docs</td>=
        </tr>
        <tr><th style=3D"text-align:left;padding-right:1em">Took</th><td>6.0s</td><=
        /tr>
        <tr><th style=3D"text-align:left;padding-right:1em">Backup</th><td>bk-1</td=
        ></tr>
        <tr><th style=3D"text-align:left;padding-right:1em">Job id</th><td>rj-1</td=
        ></tr>
        <tr><th style=3D"text-align:left;padding-right:1em">Noticed</th><td>500ms a=
        fter its end</td></tr>
        </table>
        <p>Wait until the index is ready before you send traffic to it: a completed=
         restore is no promise that it serves.</p>
        <p><small>restore_job.completed 01a20846-fe00-7000-8000-000000000000</small=
        ></p>
        </body></html>

        --=_01a20846-fe00-7000-8000-000000000000--
        "#);
    }

    #[test]
    fn a_restore_is_one_thread() {
        let event = sample_events::completed();
        let other =
            Event { kind: EventKind::Watched, reason: Some("x".into()), ..sample_events::completed() };

        assert_eq!(thread(&event), thread(&other));
        assert_ne!(thread(&event), thread(&sample_events::failed()));
        assert_ne!(thread(&sample_events::failed()), thread(&sample_events::unauthorized()));
        assert_eq!(thread(&sample_events::test()), None);
    }

    #[test]
    fn html_has_no_markup_of_names() {
        let html = html(&Card::new(&sample_events::failed()), "");

        assert!(html.contains("&lt;b&gt;no &amp; why&lt;/b&gt;") && !html.contains("<b>"), "{html}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_event_changes_the_structure(event in sample_events::any_event()) {
            let mail = mail(&event);
            let has_thread = event.kind != EventKind::Test;
            let thread = ["In-Reply-To", "References"].into_iter().filter(|_| has_thread);
            let before = ["From", "Subject", "Date", "Message-ID", "To"].into_iter();
            let after = ["Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type"];
            let wanted: Vec<_> = before.chain(thread).chain(after).collect();
            prop_assert_eq!(headers(&mail), wanted);

            let boundary = format!("--=_{}", event.id);
            let parts: Vec<_> = mail.split(&format!("{boundary}\r\n")).collect();
            prop_assert_eq!(parts.len(), 3);
            for part in &parts[1..] {
                prop_assert_eq!(headers(part), ["Content-Type", "Content-Transfer-Encoding"]);
            }
            let end = format!("{boundary}--\r\n");
            prop_assert!(mail.ends_with(&end));

            prop_assert!(mail.is_ascii() && !mail.contains('\0'));
            prop_assert!(!mail.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert!(mail.split("\r\n").all(|line| line.len() <= 998));
            prop_assert_eq!(mail, self::mail(&event), "the bytes are repeatable");
        }
    }
}
