//! What a person can do about a failed request: one line, for the end of an error.
//!
//! Invariant: an address that is shown has neither a path nor a secret.

use super::Error;
use crate::adapters::http::address;
use crate::config::{Endpoint, EndpointSource};

/// What to do about an error of requests to `endpoint`, unless the error says it itself.
pub(super) fn on(error: &Error, endpoint: &Endpoint) -> Option<String> {
    let Error::Status { status, is_of_api, .. } = error else {
        return match error {
            // A certificate or a proxy, and what to do about it is part of the text.
            Error::Misconfigured(_) => None,
            Error::WrongProtocol(_) => Some(other_scheme(endpoint)),
            Error::Intercepted(_) => Some(between(endpoint)),
            Error::Transport(_) => Some(reach(endpoint)),
            _ => Some(doubt(endpoint)),
        };
    };

    let advice = match (status.as_u16(), is_of_api) {
        (400 | 404 | 410 | 422, _) if endpoint.has_path() => without_path(endpoint),
        (401, true) => {
            "is the key complete, of this project, and not revoked? https://app.pinecone.io shows the API keys of a \
             project"
                .to_owned()
        }
        (403, true) => {
            "the key lacks a permission: give it one that reads restore jobs (control::backups::list), or use another key; \
             https://app.pinecone.io shows the API keys of a project"
                .to_owned()
        }
        (429, _) => "the project is asked more often than its limit permits; try again later".to_owned(),
        (500.., _) if endpoint.source() == EndpointSource::Default => {
            "try again later; https://status.pinecone.io shows outages of Pinecone".to_owned()
        }
        (_, false) => doubt(endpoint),
        (_, true) => return None,
    };
    Some(advice)
}

/// The address with the other of the two schemes.
fn other_scheme(endpoint: &Endpoint) -> String {
    let address = address(&endpoint.join(&[]));
    match address.strip_prefix("https://") {
        Some(host) if endpoint.is_loopback() => {
            format!("if it speaks plain HTTP: {}", write(endpoint, &format!("http://{host}")))
        }
        Some(_) => format!("is the port right? {}", source(endpoint)),
        None => {
            let host = address.trim_start_matches("http://");
            format!("if it speaks TLS: {}", write(endpoint, &format!("https://{host}")))
        }
    }
}

fn without_path(endpoint: &Endpoint) -> String {
    let base = address(&endpoint.join(&[]));
    format!("the address must have no path: {}", write(endpoint, &base))
}

/// How to set the address.
fn write(endpoint: &Endpoint, address: &str) -> String {
    match endpoint.source() {
        EndpointSource::Environment | EndpointSource::Default => {
            format!("export PINECONE_CONTROLLER_HOST={address}")
        }
        EndpointSource::Configuration => format!("write endpoint = \"{address}\" in the configuration"),
    }
}

fn reach(endpoint: &Endpoint) -> String {
    match endpoint.source() {
        EndpointSource::Default => {
            format!("can this machine reach {}? HTTPS_PROXY names a proxy", Endpoint::DEFAULT)
        }
        _ if endpoint.is_loopback() => format!("is a server running at this port? {}", source(endpoint)),
        _ => format!("is the address right, and can this machine reach it? {}", source(endpoint)),
    }
}

/// Something before the server may have answered.
fn between(endpoint: &Endpoint) -> String {
    match endpoint.source() {
        EndpointSource::Default => {
            format!("is there a proxy or a login page between this machine and {}?", Endpoint::DEFAULT)
        }
        _ => format!("does the proxy pass connections on, and is the port right? {}", source(endpoint)),
    }
}

fn doubt(endpoint: &Endpoint) -> String {
    let address = address(&endpoint.join(&[]));
    match endpoint.source() {
        EndpointSource::Default => between(endpoint),
        _ => format!("is {address} the address of the Pinecone API? {}", source(endpoint)),
    }
}

/// Where the address comes from, unless it is that of Pinecone.
fn source(endpoint: &Endpoint) -> String {
    let default = Endpoint::DEFAULT;
    match endpoint.source() {
        EndpointSource::Default => format!("it is {default}"),
        EndpointSource::Environment => {
            format!("The address is set by PINECONE_CONTROLLER_HOST; without that, {default} is used")
        }
        EndpointSource::Configuration => {
            format!("The address is set by `endpoint` in the configuration; without that, {default} is used")
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn environment(text: &str) -> Endpoint {
        Endpoint::of_environment(text, true).unwrap()
    }

    fn configured(text: &str) -> Endpoint {
        Endpoint::parse(text, true).unwrap()
    }

    fn default() -> Endpoint {
        Endpoint::parse(Endpoint::DEFAULT, false).unwrap()
    }

    fn status(status: u16, is_of_api: bool) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        Error::Status { status, message: None, is_of_api, retry_after: None }
    }

    #[test]
    fn a_wrong_protocol_is_corrected() {
        for (endpoint, advice) in [
            (
                environment("127.0.0.1:8080/canary"),
                "if it speaks plain HTTP: export PINECONE_CONTROLLER_HOST=http://127.0.0.1:8080",
            ),
            (
                configured("http://127.0.0.1:8443"),
                "if it speaks TLS: write endpoint = \"https://127.0.0.1:8443\" in the configuration",
            ),
            (
                environment("https://api.example:80"),
                "is the port right? The address is set by PINECONE_CONTROLLER_HOST; without that, https://api.pinecone.io is used",
            ),
        ] {
            assert_eq!(on(&Error::WrongProtocol(String::new()), &endpoint).as_deref(), Some(advice));
        }
    }

    #[test]
    fn what_answers_before_the_server_is_looked_for() {
        for (endpoint, advice) in [
            (default(), "is there a proxy or a login page between this machine and https://api.pinecone.io?"),
            (
                environment("https://api.example"),
                "does the proxy pass connections on, and is the port right? The address is set by \
                 PINECONE_CONTROLLER_HOST; without that, https://api.pinecone.io is used",
            ),
        ] {
            assert_eq!(on(&Error::Intercepted(String::new()), &endpoint).as_deref(), Some(advice));
        }
    }

    #[test]
    fn an_unreachable_address_is_said_with_its_source() {
        for (endpoint, advice) in [
            (default(), "can this machine reach https://api.pinecone.io? HTTPS_PROXY names a proxy"),
            (
                environment("http://127.0.0.1:9"),
                "is a server running at this port? The address is set by PINECONE_CONTROLLER_HOST; without that, \
                 https://api.pinecone.io is used",
            ),
            (
                configured("https://nosuch.invalid"),
                "is the address right, and can this machine reach it? The address is set by `endpoint` in the configuration; \
                 without that, https://api.pinecone.io is used",
            ),
        ] {
            assert_eq!(on(&Error::Transport(String::new()), &endpoint).as_deref(), Some(advice));
        }
    }

    #[test]
    fn refusals_and_strange_answers_are_told_apart() {
        let own = environment("http://127.0.0.1:8080");
        let doubt = "is http://127.0.0.1:8080 the address of the Pinecone API?";
        for (error, words) in [
            (status(401, true), "not revoked?"),
            (status(403, true), "control::backups::list"),
            (status(403, false), doubt),
            (status(404, false), doubt),
            (status(302, false), doubt),
            (status(429, false), "try again later"),
            (Error::NotJson { address: String::new(), what: "HTML".to_owned() }, doubt),
            (Error::Unreadable(String::new()), doubt),
        ] {
            let advice = on(&error, &own).unwrap();
            assert!(advice.contains(words), "{error}: {advice}");
        }

        assert_eq!(on(&status(404, true), &own), None);
        assert_eq!(on(&Error::Misconfigured(String::new()), &own), None);
        assert!(on(&status(503, false), &default()).unwrap().contains("https://status.pinecone.io"));
    }

    #[test]
    fn a_path_of_the_address_is_said_and_not_shown() {
        for is_of_api in [true, false] {
            let advice = on(&status(404, is_of_api), &environment("http://127.0.0.1:8080/canary/")).unwrap();
            assert!(advice.ends_with(": export PINECONE_CONTROLLER_HOST=http://127.0.0.1:8080"), "{advice}");
            assert!(!advice.contains("canary"), "{advice}");
        }
    }
}
