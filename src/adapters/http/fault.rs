//! A failed request by its meaning: what went wrong, and whether waiting can help.

/// The kind of server a request was for, which decides what can be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A control plane, which may have a `ca_file`.
    Api,
    /// A receiver of webhooks, which may have one, and a `client_cert`.
    Receiver,
    /// A receiver that is shown a client certificate.
    CertifiedReceiver,
    /// A monitor.
    Monitor,
    /// A mail server, which may have a `ca_file`, and is reached without a proxy.
    MailServer,
    /// A database, which may have a `ca_file`.
    Database,
}

/// Why a request had no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong and what to do about it, in one line that names the server's address.
    pub text: String,
    pub kind: FaultKind,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It may.
    Passing,
    /// It does not, because the configuration of this side is at fault.
    Misconfigured,
    /// The same, because the server does not speak the protocol that the scheme of the URL names.
    WrongProtocol,
    /// The same, but a proxy lies between: it may have given the answer in place of the server, and
    /// stop that.
    Intercepted,
}

impl Fault {
    pub(super) fn passing(text: String) -> Self {
        Self { text, kind: FaultKind::Passing }
    }

    pub(super) fn lasting(text: String) -> Self {
        Self { text, kind: FaultKind::Misconfigured }
    }

    pub(super) fn wrong_protocol(text: String) -> Self {
        Self { text, kind: FaultKind::WrongProtocol }
    }

    /// The same fault of a request that went through a proxy.
    pub(super) fn behind_proxy(self) -> Self {
        let kind = match self.kind {
            FaultKind::WrongProtocol => FaultKind::Intercepted,
            kind => kind,
        };
        Self { kind, ..self }
    }
}
