//! What an error of a TLS handshake means.
//!
//! Invariant: names inside a certificate come from outside, and are made inert before they are
//! shown.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::fault::{Fault, Peer};
use crate::model::one_line;

/// The longest list of names of a certificate that is shown.
const MAX_NAMES: usize = 120;

/// Diagnoses an error of TLS; `name` is the server of the connection: its address, or a proxy.
pub(super) fn fault(error: &Error, name: &str, peer: Peer) -> Fault {
    match error {
        Error::InvalidCertificate(fault) => of_certificate(fault, name, peer),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Fault::wrong_protocol(format!("cannot connect to {name}: it does not speak TLS"))
        }
        Error::AlertReceived(alert) if peer == Peer::CertifiedReceiver && is_about_client(*alert) => {
            Fault::lasting(format!(
                "{name} refuses the client certificate (alert {alert:?}): is it for clients, not expired, and issued by an \
                 authority that the server trusts?"
            ))
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            Fault::lasting(format!("{name} wants a client certificate{}", remedy(peer)))
        }
        Error::AlertReceived(alert) if is_lasting(*alert) => Fault::lasting(format!(
            "{name} refuses the TLS connection (alert {alert:?}): is it the right host and port, and does it want a client \
             certificate?"
        )),
        Error::PeerIncompatible(_) => Fault::lasting(format!(
            "{name} and this program have no version or cipher of TLS in common; TLS 1.2 or 1.3 is needed"
        )),
        other => Fault::passing(one_line(&format!("TLS with {name} failed: {other}"), 2 * MAX_NAMES)),
    }
}

/// Alerts about the certificate of a client.
fn is_about_client(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    )
}

/// How to show a certificate to a server that wants one.
fn remedy(peer: Peer) -> &'static str {
    match peer {
        Peer::Receiver | Peer::CertifiedReceiver => ": name one as `client_cert` of the sink",
        Peer::Api | Peer::Monitor | Peer::MailServer | Peer::Database => {
            ", which this program can only show to webhooks: use another address, or a proxy that has one"
        }
    }
}

/// Alerts that are caused by configuration and not by a passing fault.
fn is_lasting(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity
            | AlertDescription::UnrecognisedName
    )
}

fn of_certificate(fault: &CertificateError, name: &str, peer: Peer) -> Fault {
    let certificate = format!("the certificate of {name}");
    let day = |time: &UnixTime| {
        let seconds = i64::try_from(time.as_secs()).ok();
        let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        time.map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
    };

    let text = match fault {
        CertificateError::UnknownIssuer => {
            format!("{certificate} is issued by an authority that is not trusted here: {}", trust(peer))
        }
        CertificateError::Expired => {
            format!("{certificate} has expired: have it renewed, or set the clock here")
        }
        CertificateError::ExpiredContext { time, not_after } => format!(
            "{certificate} expired on {}, and the clock here says {}: have it renewed, or set the clock",
            day(not_after),
            day(time),
        ),
        CertificateError::NotValidYet => {
            format!("{certificate} is not valid yet: set the clock here, or have it issued again")
        }
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "{certificate} is valid from {} on, and the clock here says {}: set the clock, or have it issued again",
            day(not_before),
            day(time),
        ),
        CertificateError::NotValidForName => {
            format!(
                "{certificate} is for another name: write the name that it is for, or have it issued for this one"
            )
        }
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "{certificate} is for {}: write a name that it is for, or have it issued for this one",
            names(presented),
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            not_for_servers(&certificate)
        }
        // By their texts, for their types are those of libraries that are not named here.
        CertificateError::Other(other) => match format!("{other:?}") {
            kind if kind.contains("CaUsedAsEndEntity") => format!(
                "{certificate} is that of an authority (CA:TRUE), which a server cannot use as its own: have one issued \
                 with CA:FALSE"
            ),
            kind if kind.contains("EkuError") => not_for_servers(&certificate),
            _ => format!("{certificate} cannot be used: {other}"),
        },
        other => format!("{certificate} cannot be used: {}", Error::from(other.clone())),
    };

    // A machine without a clock that runs while it is off starts in the past, and its clock is set
    // a little later.
    let passes = matches!(fault, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. });

    let text = one_line(&text, 3 * MAX_NAMES);
    if passes { Fault::passing(text) } else { Fault::lasting(text) }
}

fn not_for_servers(certificate: &str) -> String {
    format!("{certificate} is not one for servers: have it issued with the extended key usage serverAuth")
}

fn trust(peer: Peer) -> &'static str {
    match peer {
        Peer::Api | Peer::Receiver | Peer::CertifiedReceiver | Peer::MailServer | Peer::Database => {
            "name the certificate of that authority as `ca_file`, or add it to those of the system"
        }
        Peer::Monitor => {
            "add the certificate of that authority to those of the system, or name it in SSL_CERT_FILE"
        }
    }
}

/// The names of a certificate, as text.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'));
        one_line(inner.unwrap_or(name).trim_matches('"'), MAX_NAMES)
    };
    match presented {
        [] => "no name at all (it has no subjectAltName)".to_owned(),
        [name] => format!("`{}` alone", plain(name)),
        more => {
            let list = more.iter().map(|name| format!("`{}`", plain(name))).collect::<Vec<_>>().join(", ");
            format!("{} alone", one_line(&list, MAX_NAMES))
        }
    }
}
