//! What it means that a mail was not handed over: by the step at which the server refused it, and by
//! its answer.
//!
//! Invariant: what the server says is redacted and cut before it is shown: it may repeat the login.

use super::dialog::{Broken, Reply};
use crate::config::{EmailTls, Redactor};
use crate::engine::{Failure, FailureClass, Rejection};
use crate::model::one_line;

/// In characters.
const MAX_LINE: usize = 200;

/// Where an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Secure,
    Greeting,
    Hello,
    StartTls,
    Login,
    Sender,
    /// Which of the recipients, from 0.
    Recipient(usize),
    Data,
    /// All is sent: without an answer, the server may have the mail or not.
    Content,
}

impl Step {
    /// What the server was asked for.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Connect => "the attempt to connect",
            Self::Secure => "TLS",
            Self::Greeting => "the new connection",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "the login",
            Self::Sender => "the sender",
            Self::Recipient(_) => "a recipient",
            Self::Data => "DATA",
            Self::Content => "the mail",
        }
    }

    /// What a server that says nothing may be waiting for.
    pub(super) fn hint_of_silence(self, tls: EmailTls) -> &'static str {
        match (self, tls) {
            (Self::Greeting, EmailTls::Starttls | EmailTls::None) => {
                "; if it expects TLS from the start, write tls = \"implicit\""
            }
            (Self::Secure, EmailTls::Implicit) => "; if it expects STARTTLS, write tls = \"starttls\"",
            _ => "",
        }
    }
}

/// A refusal: an answer of another kind than the step needs.
pub(super) struct Refused<'a> {
    pub(super) step: Step,
    pub(super) reply: &'a Reply,
    /// The recipient that was refused, if it was one.
    pub(super) recipient: Option<&'a str>,
}

impl Reply {
    /// Whether a retry cannot mend it.
    pub(super) fn is_final(&self) -> bool {
        self.code >= 500
    }

    /// The answer, fit for a log.
    pub(super) fn shown(&self, redactor: &Redactor) -> String {
        self.shown_to("", redactor)
    }

    /// The answer to what was asked.
    fn shown_to(&self, what: &str, redactor: &Redactor) -> String {
        let text = shown(&self.lines.join(" "), redactor);
        let separator = if text.is_empty() { "" } else { ": " };
        format!("SMTP {}{what}{separator}{text}", self.code)
    }
}

impl Refused<'_> {
    pub(super) fn failure(&self, redactor: &Redactor) -> Failure {
        let what = match (self.step, self.recipient) {
            (Step::Greeting, _) => " as its greeting".to_owned(),
            (_, Some(recipient)) => format!(" to the recipient {recipient}"),
            (step, None) => format!(" to {}", step.words()),
        };
        let message = self.reply.shown_to(&what, redactor);
        Failure { class: self.class(), retry_after: None, message }
    }

    fn class(&self) -> FailureClass {
        match (self.reply.code, self.step) {
            // An answer that has no place here, such as 354 to RCPT, is a fault of the server.
            (..500, _) => FailureClass::Transient,
            (_, Step::Login) | (530 | 534 | 535 | 538, _) => FailureClass::Rejected(Rejection::Credentials),
            (_, Step::Connect | Step::Secure | Step::Greeting | Step::Hello | Step::StartTls) => {
                FailureClass::Rejected(Rejection::Connection)
            }
            (552, Step::Sender) | (_, Step::Data | Step::Content) => FailureClass::Rejected(Rejection::Body),
            _ => FailureClass::Rejected(Rejection::Address),
        }
    }
}

impl Broken {
    /// What follows from it, unless it is a refusal.
    pub(super) fn class(&self) -> FailureClass {
        match self {
            // The server's answer, as that to a command.
            Self::NoStartTls | Self::NoLogin => FailureClass::Rejected(Rejection::Connection),
            Self::SentBeforeTls => FailureClass::Misconfigured,
            Self::NotSmtp(_) | Self::TooLong | Self::Closed | Self::Io(_) | Self::Refused(_) => {
                FailureClass::Transient
            }
        }
    }

    /// What happened at this step, with a server of this name.
    pub(super) fn text(&self, server: &str, step: Step, redactor: &Redactor) -> String {
        let step = step.words();
        match self {
            Self::NoStartTls => format!(
                "{server} offers no STARTTLS, so it gets neither login nor mail; is it the right port, or does something \
                 between strip it?"
            ),
            Self::NoLogin => {
                format!("{server} offers no login by AUTH PLAIN or AUTH LOGIN; is it the right port?")
            }
            Self::SentBeforeTls => {
                format!(
                    "{server} sent something after its answer to STARTTLS and before TLS, so it is not trusted"
                )
            }
            Self::NotSmtp(line) => {
                format!("{server} does not speak SMTP; it answers {step} with: {}", shown(line, redactor))
            }
            Self::TooLong => format!("the answer of {server} to {step} is too long"),
            Self::Closed => format!("{server} closed the connection without an answer to {step}"),
            Self::Io(error) => {
                let error = one_line(&error.to_string(), MAX_LINE);
                format!("the connection to {server} broke before an answer to {step}: {error}")
            }
            Self::Refused(reply) => format!("{server} refuses {step} with SMTP {}", reply.code),
        }
    }
}

/// Words of the server. Redacted before they are cut: half a secret would not be recognized.
fn shown(text: &str, redactor: &Redactor) -> String {
    one_line(&redactor.redact(text), MAX_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_judged_by_code_and_step() {
        let rejected = FailureClass::Rejected;
        for (code, step, class) in [
            (421, Step::Greeting, FailureClass::Transient),
            (554, Step::Greeting, rejected(Rejection::Connection)),
            (502, Step::Hello, rejected(Rejection::Connection)),
            (454, Step::StartTls, FailureClass::Transient),
            (501, Step::StartTls, rejected(Rejection::Connection)),
            (454, Step::Login, FailureClass::Transient),
            (535, Step::Login, rejected(Rejection::Credentials)),
            (504, Step::Login, rejected(Rejection::Credentials)),
            (530, Step::Sender, rejected(Rejection::Credentials)),
            (553, Step::Sender, rejected(Rejection::Address)),
            (552, Step::Sender, rejected(Rejection::Body)),
            (450, Step::Recipient(0), FailureClass::Transient),
            (550, Step::Recipient(0), rejected(Rejection::Address)),
            (552, Step::Recipient(0), rejected(Rejection::Address)),
            (354, Step::Recipient(0), FailureClass::Transient),
            (554, Step::Data, rejected(Rejection::Body)),
            (452, Step::Content, FailureClass::Transient),
            (550, Step::Content, rejected(Rejection::Body)),
        ] {
            let reply = Reply { code, lines: vec!["no".to_owned()] };

            let failure = Refused { step, reply: &reply, recipient: None }.failure(&Redactor::default());

            assert_eq!(failure.class, class, "{code} at {step:?}");
            assert!(failure.message.starts_with(&format!("SMTP {code} ")), "{}", failure.message);
        }
    }

    #[test]
    fn a_refusal_names_the_recipient_and_repeats_no_secret() {
        let redactor = Redactor::default().with("canary-password", 4, 8);
        let lines = vec!["5.1.1 unknown".to_owned(), "AGEAY2FuYXJ5LXBhc3N3b3Jk canary-password".to_owned()];
        let reply = Reply { code: 550, lines };
        let refused = Refused { step: Step::Recipient(1), reply: &reply, recipient: Some("ops@example.com") };

        let failure = refused.failure(&redactor);

        assert_eq!(failure.message, "SMTP 550 to the recipient ops@example.com: 5.1.1 unknown AGEA*** ***");
    }
}
