//! What of a valid file will surprise: each case with its text and its help.
//!
//! Invariant: a setting that is meant can be written so that there is no warning, but for a log
//! without events, whose reader must learn that there are none, a listener that is open to all, and
//! a command that is not on the machine that checks the file.

use super::WebhookFormat;
use super::quote::quoted;

/// A reason for a warning.
#[derive(Debug, Clone, Copy)]
pub(super) enum Surprise<'a> {
    /// The receiver refuses messages of this format.
    Format { sink: &'a str, format: WebhookFormat, expected: WebhookFormat },
    /// A sink has a key that its format does not use.
    UnusedKey { sink: &'a str, key: &'static str, format: WebhookFormat },
    /// A project without an `api_key` beside another project.
    UsualKey { project: &'a str },
    /// There is no sink but the log, and nothing says that this is meant.
    OnlyLog,
    /// The log gets no events.
    SilentLog { sink: &'a str },
    /// A name begins or ends with white space.
    BlankInName { name: &'a str },
    /// The command of a sink cannot be run here.
    NoCommand { sink: &'a str, fault: &'a std::io::Error },
    /// A mail server without TLS has a name that need not lead to this machine.
    PlainMail { sink: &'a str, host: &'a str },
    /// Other machines can reach the listener without a token.
    OpenToAll { address: &'a str },
}

impl Surprise<'_> {
    pub(super) fn message(&self) -> String {
        match self {
            Self::Format { sink, format, expected } => format!(
                "the sink {} sends format \"{format}\" to a host that takes format \"{expected}\"",
                quoted(sink)
            ),
            Self::UnusedKey { sink, key, format } => {
                format!("the sink {} has a `{key}`, which format \"{format}\" does not use", quoted(sink))
            }
            Self::UsualKey { project } => {
                format!("the project {} has no `api_key`, so it uses $PINECONE_API_KEY", quoted(project))
            }
            Self::OnlyLog => "no sink reaches a person: events go to the log only".to_owned(),
            Self::SilentLog { sink } => {
                format!("the sink {} gets no events: the log says nothing of restores", quoted(sink))
            }
            Self::NoCommand { sink, fault } => {
                format!("the command of the sink {} cannot be run here: {fault}", quoted(sink))
            }
            Self::PlainMail { sink, host } => format!(
                "the sink {} sends mails without TLS to {}, and none if that is another machine",
                quoted(sink),
                quoted(host)
            ),
            Self::OpenToAll { address } => {
                format!("every machine that can reach {address} may read what the listener shows")
            }
            Self::BlankInName { name } => {
                format!("the name {} begins or ends with white space, which is part of it", quoted(name))
            }
        }
    }

    pub(super) fn help(&self) -> String {
        match self {
            Self::Format { expected, .. } => format!("write format = \"{expected}\""),
            Self::UnusedKey { .. } => "remove it, or write the `format` that it belongs to".to_owned(),
            Self::UsualKey { .. } => "write api_key = { file = \"PATH\" } to read its own key, or \
                                      api_key = { env = \"PINECONE_API_KEY\" } if it is this one"
                .to_owned(),
            Self::OnlyLog => {
                "add a [[sink]] of type \"webhook\" or \"desktop\"; if the log is enough, say so:\n\
                              [[sink]]\n\
                              type = \"log\""
                    .to_owned()
            }
            Self::SilentLog { .. } => "remove `events` to have them logged".to_owned(),
            Self::NoCommand { .. } => {
                "write each argument as an entry of its own; the program must be there, and executable for the user of the \
                 daemon, where that runs"
                    .to_owned()
            }
            Self::PlainMail { .. } => "write tls = \"starttls\" or \"implicit\"; if it is this machine, write \
                                       host = \"localhost\""
                .to_owned(),
            Self::OpenToAll { .. } => {
                "add token = { file = \"PATH\" } or { credential = \"NAME\" } to [http]".to_owned()
            }
            Self::BlankInName { name } => format!("write {}", quoted(name.trim()).replace('`', "\"")),
        }
    }
}
