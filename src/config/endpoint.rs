//! Where a project's control plane is.

use std::fmt;

use url::{Host, Url};

use crate::model::{Placeholder, is_invisible};

/// The base URL of a control plane, checked: `https`, or `http` on loopback; no user, query or
/// fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    is_of_environment: bool,
}

/// Where the address of a control plane was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointSource {
    /// Nowhere: it is that of Pinecone.
    Default,
    /// In `PINECONE_CONTROLLER_HOST`.
    Environment,
    /// As `endpoint` in a configuration file.
    Configuration,
}

/// Why a text cannot be an endpoint. No variant repeats the text: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an absolute URL.
    #[error("not a URL ({0}); write it like `https://api.pinecone.io`")]
    Malformed(url::ParseError),
    /// Neither `https` nor `http`.
    #[error("the scheme `{0}` is not supported; use `https`")]
    Scheme(String),
    /// `http` to another host than this one.
    #[error("plain http would send the API key unencrypted to `{0}`; use https")]
    PlainHttp(String),
    /// It has a user name or a password.
    #[error("the URL carries a user name or password; remove them, the API key is given apart")]
    Credentials,
    /// It has a placeholder that was to be replaced.
    #[error("it has a placeholder like {0}, which is not replaced; write the address itself")]
    Placeholder(Placeholder),
    /// It is in quotes, as `docker --env-file` leaves them.
    #[error("it is in quotes; write it without them")]
    Quotes,
    /// It has a character that nothing shows.
    #[error("it has an invisible character; type it again")]
    Invisible,
    /// It has a query or a fragment.
    #[error("the URL has a query or a fragment; give the base address only")]
    Query,
}

impl Endpoint {
    /// Pinecone's own control plane.
    pub const DEFAULT: &'static str = "https://api.pinecone.io";

    /// Checks `text`. A text without a scheme is taken as `https`, as the official clients take it.
    /// `allow_http` admits plain `http` to hosts other than loopback addresses and `localhost`.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, EndpointError> {
        let text = text.trim();
        if let Some(placeholder) = Placeholder::find(text) {
            return Err(EndpointError::Placeholder(placeholder));
        }
        if text.starts_with(['"', '\'']) {
            return Err(EndpointError::Quotes);
        }
        if text.contains(is_invisible) {
            return Err(EndpointError::Invisible);
        }

        // `http:/host` and `//host` are misspelt, not hosts.
        if !text.contains("://") && (text.starts_with('/') || text.contains(":/")) {
            return Err(EndpointError::Malformed(url::ParseError::EmptyHost));
        }
        let url =
            if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) };
        let url = url.map_err(EndpointError::Malformed)?;

        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Query);
        }

        if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
            return Err(EndpointError::PlainHttp(url.host_str().unwrap_or_default().to_owned()));
        }
        Ok(Self { url, is_of_environment: false })
    }

    /// Checks the value of `PINECONE_CONTROLLER_HOST`, as [`Endpoint::parse`] does.
    pub fn of_environment(text: &str, allow_http: bool) -> Result<Self, EndpointError> {
        Ok(Self { is_of_environment: true, ..Self::parse(text, allow_http)? })
    }

    /// Where it was written.
    pub fn source(&self) -> EndpointSource {
        match self.is_of_environment {
            true => EndpointSource::Environment,
            false if self.to_string() == Self::DEFAULT => EndpointSource::Default,
            false => EndpointSource::Configuration,
        }
    }

    /// Whether requests go to this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Whether there is more in it than scheme, host and port.
    pub fn has_path(&self) -> bool {
        !self.url.path().trim_matches('/').is_empty()
    }

    /// The URL of a resource below this endpoint; each segment is percent-encoded as one piece of
    /// the path.
    ///
    /// ```
    /// use restore_watch::config::Endpoint;
    ///
    /// let endpoint = Endpoint::parse("https://api.pinecone.io/", false)?;
    /// let url = endpoint.join(&["restore-jobs", "a/b?c"]);
    /// assert_eq!(url.as_str(), "https://api.pinecone.io/restore-jobs/a%2Fb%3Fc");
    /// # Ok::<(), restore_watch::config::EndpointError>(())
    /// ```
    pub fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

/// Whether `url` names this machine: a loopback address or `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_knows_where_it_was_written() {
        let source = |endpoint: Result<Endpoint, EndpointError>| endpoint.unwrap().source();
        assert_eq!(source(Endpoint::parse(Endpoint::DEFAULT, false)), EndpointSource::Default);
        assert_eq!(source(Endpoint::parse("https://a.example", false)), EndpointSource::Configuration);
        assert_eq!(source(Endpoint::of_environment("api.pinecone.io", false)), EndpointSource::Environment);
    }

    #[test]
    fn good_endpoints_are_accepted() {
        for (text, shown) in [
            ("https://api.pinecone.io", "https://api.pinecone.io"),
            ("api.pinecone.io", "https://api.pinecone.io"),
            ("http://127.0.0.1:8080/base/", "http://127.0.0.1:8080/base"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://localhost:1", "http://localhost:1"),
        ] {
            assert_eq!(Endpoint::parse(text, false).unwrap().to_string(), shown);
        }
        assert!(Endpoint::parse("http://10.0.0.1", true).is_ok());
    }

    #[test]
    fn bad_endpoints_are_refused() {
        for text in [
            "",
            "http://api.pinecone.io",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://user:pass@api.pinecone.io",
            "https://api.pinecone.io/?a=b",
            "https://",
            "https://exa mple",
            "http:/127.0.0.1",
            "//127.0.0.1",
            "${HOST}",
            "https://${HOST}",
            "https://<host>/",
            "\"https://127.0.0.1\"",
            "https://127.0.0.1\u{200b}",
        ] {
            assert!(Endpoint::parse(text, false).is_err(), "{text:?}");
        }
    }
}
