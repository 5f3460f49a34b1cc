//! A failed request by its meaning: what went wrong, and whether waiting can help.

/// The kind of server a request was for, which decides what can be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A control plane, which may have a `ca_file`.
    Api,
    /// A receiver of webhooks, or a monitor.
    Receiver,
    /// A receiver that is reached without a proxy.
    PublicReceiver,
}

/// Why a request had no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong and what to do about it, in one line.
    pub text: String,
    /// Whether the configuration of this side is at fault, so that trying again does not help.
    pub is_misconfigured: bool,
}

impl Fault {
    pub(super) fn passing(text: String) -> Self {
        Self { text, is_misconfigured: false }
    }

    pub(super) fn lasting(text: String) -> Self {
        Self { text, is_misconfigured: true }
    }
}
