//! Events as mails.
//!
//! Invariant: each attempt at a delivery sends the same bytes, with the same `Message-ID`. An
//! attempt ends within 30 s and reads a bounded number of bytes, whatever the server does. Before
//! the connection has TLS, nothing is sent but the name of this end and STARTTLS, unless the server
//! is on this machine.

mod dialog;
mod message;
mod refusal;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use tracing::error;

use self::dialog::{Broken, Dialog, Login, Reply, Stream};
use self::refusal::{Refused, Step};
use super::error::SinkError;
use super::fingerprint::Canonical;
use super::{Attempt, Receiver, outline};
use crate::adapters::http::{self, Fault, FaultKind, Peer, Tls};
use crate::config::{EmailSettings, EmailTls, Redactor};
use crate::engine::{DeliveryPolicy, Failure, FailureClass, Rejection};
use crate::model::{Event, Payload, duration};
use crate::platform::failpoint;

/// Of one attempt: look-up, connecting, TLS and the whole dialog.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long the server may take to say goodbye, after all is said.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Most connections at once: a mail server counts those of one client, and mails are few.
const MAX_IN_FLIGHT: usize = 2;

/// A password that is shorter is shown if a server repeats it: it is part of ordinary words.
const SHORTEST_MASKED: usize = 4;

/// Any so many characters in a row of a longer password are masked, too.
const MASKED_RUN: usize = 8;

#[derive(Debug)]
pub(super) struct Email {
    name: String,
    settings: EmailSettings,
    /// None if the connection has none.
    tls: Option<Tls>,
    /// Identifies the root certificates of its own.
    roots: Option<[u8; 32]>,
    login: Option<(String, SecretString)>,
    redactor: Redactor,
}

impl Receiver for Email {
    fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            max_in_flight: MAX_IN_FLIGHT,
            ..DeliveryPolicy::retry(self.settings.retry_schedule.clone())
        }
    }

    fn body(&self, event: &Event) -> Option<Vec<u8>> {
        Some(message(event, &self.settings))
    }

    fn recognizes(&self, payload: &Payload) -> bool {
        let own = message(&payload.event, &self.settings);
        message::has_id(&payload.body, payload.event.id) && outline::is_alike(&payload.body, &own)
    }

    fn deliver<'a>(&'a self, payload: &'a Payload, _now: Timestamp) -> Attempt<'a> {
        Box::pin(self.send(payload))
    }

    fn put_read(&self, canonical: &mut Canonical) {
        canonical.put("ca_file", self.roots);
        canonical.put("password", self.secrets());
    }

    fn secrets(&self) -> Vec<&str> {
        self.login.iter().map(|(_, password)| password.expose_secret()).collect()
    }

    fn advice(&self, rejection: Rejection) -> String {
        let advice = match rejection {
            Rejection::Body => "its mail server refuses the mail; its answer says why",
            Rejection::Credentials => "its mail server refuses the login; check `username` and `password`",
            Rejection::Connection => {
                "its mail server cannot be used like this; check `host`, `port` and `tls`"
            }
            Rejection::Address | Rejection::Command => {
                "its mail server refuses an address; check `host`, `from` and `to`"
            }
        };
        advice.to_owned()
    }
}

/// The mail for an event.
pub(super) fn message(event: &Event, settings: &EmailSettings) -> Vec<u8> {
    message::message(event, &settings.from, &settings.to)
}

impl Email {
    /// Sets up the mails of the sink called `name`.
    pub(super) fn new(name: &str, settings: &EmailSettings) -> Result<Self, SinkError> {
        let name = || name.to_owned();
        let of_client = |error| SinkError::Client { name: name(), error };
        let ca_file = settings.ca_file.as_deref().filter(|_| settings.tls != EmailTls::None);
        let tls = match settings.tls {
            EmailTls::None => None,
            EmailTls::Implicit | EmailTls::Starttls => Some(Tls::new(ca_file).map_err(of_client)?),
        };
        let roots = ca_file.map(http::identify_certificates).transpose().map_err(of_client)?;
        let login = match &settings.login {
            None => None,
            Some(login) => {
                let password = login.password.read();
                let what = "password";
                let password = password.map_err(|error| SinkError::Secret { name: name(), what, error })?;
                Some((login.username.clone(), password))
            }
        };

        let redactor = login.iter().fold(Redactor::default(), |redactor, (_, password)| {
            redactor.with(password.expose_secret(), SHORTEST_MASKED, MASKED_RUN)
        });
        Ok(Self { name: name(), settings: settings.clone(), tls, roots, login, redactor })
    }

    /// Makes one attempt to hand the mail of this delivery to the server.
    async fn send(&self, payload: &Payload) -> Result<(), Failure> {
        failpoint::reached("before_post");
        let (mut step, mut dialog) = (Step::Connect, None);
        let sent = tokio::time::timeout(TIMEOUT, self.attempt(&payload.body, &mut step, &mut dialog)).await;
        failpoint::reached("after_post");

        // The outcome is known, and the server may take its time to say goodbye.
        if let (Some(dialog), Ok(Ok(_) | Err(Stopped::Broken(Broken::Refused(_))))) = (&mut dialog, &sent) {
            drop(tokio::time::timeout(QUIT_TIMEOUT, dialog.quit()).await);
        }

        let server = self.settings.server();
        match sent {
            Ok(Ok(refused)) => {
                self.report(&refused, &payload.event);
                Ok(())
            }
            Ok(Err(Stopped::Fault(fault))) => Err(of_fault(fault)),
            Ok(Err(Stopped::Elsewhere(message))) => Err(Failure {
                class: FailureClass::Rejected(Rejection::Connection),
                retry_after: None,
                message,
            }),
            Ok(Err(Stopped::Broken(Broken::Refused(reply)))) => {
                let recipient = self.recipient(step);
                Err(Refused { step, reply: &reply, recipient }.failure(&self.redactor))
            }
            Ok(Err(Stopped::Broken(broken))) => Err(Failure {
                class: broken.class(),
                retry_after: None,
                message: broken.text(&server, step, &self.redactor),
            }),
            Err(_) => Err(Failure {
                class: FailureClass::Transient,
                retry_after: None,
                message: format!(
                    "no answer from {server} to {} within {}{}",
                    step.words(),
                    duration::human(TIMEOUT),
                    step.hint_of_silence(self.settings.tls),
                ),
            }),
        }
    }

    /// The attempt itself. Returns who was refused, if others got the mail. `step` is always the one under way; `dialog` is filled when there is one.
    /// Its time limit is the caller's.
    async fn attempt(
        &self,
        mail: &[u8],
        step: &mut Step,
        dialog: &mut Option<Dialog<Box<dyn Stream>>>,
    ) -> Result<Vec<RefusedRecipient>, Stopped> {
        let (host, port) = (&self.settings.host, self.settings.port);
        let tcp = http::connect(host, port, self.tls.is_none()).await.map_err(of_connecting)?;
        // An address in place of a name, which RFC 5321 (section 4.1.4) allows.
        let own = tcp.local_addr().map_err(Broken::from)?.ip().to_canonical();

        let is_greeted = self.settings.tls == EmailTls::Starttls;
        let tcp = if is_greeted { start_tls(tcp, own, step).await? } else { tcp };
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some(tls) => {
                *step = Step::Secure;
                Box::new(tls.secure(tcp, host, port, Peer::MailServer).await?)
            }
        };

        let dialog = dialog.insert(Dialog::new(stream));
        if !is_greeted {
            *step = Step::Greeting;
            dialog.greeting().await?;
        }

        Ok(self.hand_over(dialog, own, mail, step).await?)
    }

    /// Hands the mail over. Recipients that are refused for good are left out, and returned, unless
    /// that is all of them. One that is refused for now ends it before anything is sent: no one gets
    /// the mail twice.
    async fn hand_over(
        &self,
        dialog: &mut Dialog<Box<dyn Stream>>,
        own: IpAddr,
        mail: &[u8],
        step: &mut Step,
    ) -> Result<Vec<RefusedRecipient>, Broken> {
        *step = Step::Hello;
        let offers = dialog.hello(own).await?;

        if let Some((username, password)) = &self.login {
            *step = Step::Login;
            dialog.log_in(Login { username, password: password.expose_secret() }, &offers).await?;
        }

        *step = Step::Sender;
        dialog.sender(self.settings.from.email.as_ref()).await?;
        let mut refused = Vec::new();
        for (index, to) in self.settings.to.iter().enumerate() {
            *step = Step::Recipient(index);
            match dialog.recipient(to.email.as_ref()).await {
                Ok(()) => {}
                Err(Broken::Refused(reply)) if reply.is_final() => {
                    refused.push(RefusedRecipient { index, reply });
                }
                Err(broken) => return Err(broken),
            }
        }
        if refused.len() == self.settings.to.len()
            && let Some(RefusedRecipient { index, reply }) = refused.drain(..).next()
        {
            *step = Step::Recipient(index);
            return Err(Broken::Refused(reply));
        }

        *step = Step::Data;
        dialog.data().await?;
        *step = Step::Content;
        dialog.content(mail).await?;
        Ok(refused)
    }

    /// Says who did not get a mail that others got: no delivery fails by it.
    fn report(&self, refused: &[RefusedRecipient], event: &Event) {
        let Some(first) = refused.first() else { return };
        let addresses: Vec<_> =
            refused.iter().filter_map(|one| self.recipient(Step::Recipient(one.index))).collect();
        error!(
            sink = self.name,
            transition_id = %event.id,
            "sink {}: {} did not reach {}, whom its mail server refuses ({}); mend `to`",
            self.name,
            event.kind,
            addresses.join(", "),
            first.reply.shown(&self.redactor),
        );
    }

    /// The recipient of this step.
    fn recipient(&self, step: Step) -> Option<&str> {
        let Step::Recipient(index) = step else { return None };
        self.settings.to.get(index).map(|to| to.email.as_ref())
    }
}

/// Asks the server to begin TLS. What it sent beyond its answer came unencrypted, and would be taken
/// for a part of the encrypted dialog: it is an error.
async fn start_tls(tcp: TcpStream, own: IpAddr, step: &mut Step) -> Result<TcpStream, Broken> {
    let mut dialog = Dialog::new(tcp);
    *step = Step::Greeting;
    dialog.greeting().await?;
    *step = Step::Hello;
    let offers = dialog.hello(own).await?;
    *step = Step::StartTls;
    dialog.start_tls(&offers).await?;
    dialog.into_stream()
}

/// A recipient that the server refuses for good.
struct RefusedRecipient {
    /// Which one, from 0.
    index: usize,
    reply: Reply,
}

/// Why an attempt ended.
enum Stopped {
    /// The server is on another machine, to which nothing is sent without TLS.
    Elsewhere(String),
    /// There is no connection, or it has no TLS.
    Fault(Fault),
    /// The dialog ended early.
    Broken(Broken),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Broken> for Stopped {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// All that lasts before there is a connection is that the server is elsewhere.
fn of_connecting(fault: Fault) -> Stopped {
    match fault.kind {
        FaultKind::Misconfigured => Stopped::Elsewhere(fault.text),
        FaultKind::WrongProtocol | FaultKind::Passing | FaultKind::Intercepted => Stopped::Fault(fault),
    }
}

fn of_fault(Fault { text, kind }: Fault) -> Failure {
    let (class, hint) = match kind {
        FaultKind::Misconfigured => (FailureClass::Misconfigured, ""),
        FaultKind::WrongProtocol => (FailureClass::Misconfigured, " from the start; try tls = \"starttls\""),
        FaultKind::Passing | FaultKind::Intercepted => (FailureClass::Transient, ""),
    };
    Failure { class, retry_after: None, message: format!("{text}{hint}") }
}
