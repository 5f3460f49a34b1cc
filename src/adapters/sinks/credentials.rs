//! The credentials of a webhook's requests, as the configuration calls them.
//!
//! Invariant: no part of a secret is in a text of this module.

use crate::config::{Authorization, Header, HeaderText, WebhookSettings, WebhookUrl};

/// Where to look if the receiver at `url` refuses the credentials.
pub(super) fn to_check(settings: &WebhookSettings, url: &WebhookUrl) -> String {
    let WebhookSettings { routing_key, signing_secrets, headers, transport, template, .. } = settings;
    let (is_bearer, is_basic) = match &headers.authorization {
        None => (false, false),
        Some(Authorization::Bearer(_)) => (true, false),
        Some(Authorization::Basic { .. }) => (false, true),
    };
    let has_secrets = template.as_ref().is_some_and(|template| !template.secrets.is_empty());
    let keys = [
        ("bearer", is_bearer),
        ("basic", is_basic),
        ("client_cert", transport.client_cert.is_some()),
        ("routing_key", routing_key.is_some()),
        ("secrets", has_secrets),
        ("signing_secret", !signing_secrets.is_empty()),
    ];

    let of_headers = headers.named.iter().filter(|header| is_credential(header));
    let of_headers = of_headers.map(|header| format!("its header `{}`", header.name));
    let of_keys = keys.iter().filter(|(_, is_there)| *is_there).map(|(key, _)| format!("its `{key}`"));
    let in_url = url.has_credentials().then(|| "the password in its `url`".to_owned());
    let places: Vec<_> = of_headers.chain(of_keys).chain(in_url).collect();

    match &places[..] {
        [] => "the token in its `url`, which may be revoked".to_owned(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

fn is_credential(Header { name, value }: &Header) -> bool {
    matches!(value, HeaderText::From(_)) || name.eq_ignore_ascii_case("authorization")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ClientCert, HeaderSettings, SecretSource, TransportSettings, UrlSource};

    fn header(name: &str, value: HeaderText) -> Header {
        Header { name: name.to_owned(), value }
    }

    #[test]
    fn what_the_configuration_has_is_named() {
        let secret = || SecretSource::Public("canary");
        let named = |named| HeaderSettings { named, authorization: None };
        let of = |authorization| HeaderSettings { named: Vec::new(), authorization: Some(authorization) };
        let none = HeaderSettings::default;
        let public = || header("X-Team", HeaderText::Given("search".to_owned()));
        let api_key = || header("X-Api-Key", HeaderText::From(secret()));
        let basic = Authorization::Basic { user: "me".to_owned(), password: secret() };

        for (url, headers, words) in [
            ("https://example.com/t0ken", none(), "the token in its `url`, which may be revoked"),
            ("https://me:pass@example.com", none(), "the password in its `url`"),
            ("https://example.com", named(vec![public()]), "the token in its `url`, which may be revoked"),
            ("https://example.com", named(vec![public(), api_key()]), "its header `X-Api-Key`"),
            (
                "https://example.com",
                named(vec![header("authorization", HeaderText::Given("Key 1".to_owned()))]),
                "its header `authorization`",
            ),
            ("https://example.com", of(Authorization::Bearer(secret())), "its `bearer`"),
            ("https://example.com", of(basic), "its `basic`"),
        ] {
            let url = WebhookUrl::parse(url, false).unwrap();
            let settings = WebhookSettings { headers, ..WebhookSettings::new(UrlSource::Given(url.clone())) };

            assert_eq!(to_check(&settings, &url), words);
        }
    }

    #[test]
    fn several_credentials_are_all_named() {
        let secret = || SecretSource::Public("canary");
        let url = WebhookUrl::parse("https://example.com", false).unwrap();
        let client_cert = Some(ClientCert { file: None, key: secret() });
        let settings = WebhookSettings {
            routing_key: Some(secret()),
            signing_secrets: vec![secret()],
            transport: TransportSettings { client_cert, ..TransportSettings::default() },
            ..WebhookSettings::new(UrlSource::Given(url.clone()))
        };

        assert_eq!(
            to_check(&settings, &url),
            "its `client_cert`, its `routing_key` and its `signing_secret`"
        );
    }
}
