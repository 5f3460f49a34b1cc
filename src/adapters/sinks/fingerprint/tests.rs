use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Canonical;
use crate::adapters::sinks::Sink;
use crate::config::{
    Authorization, ClientCert, DesktopSettings, EmailLogin, EmailSettings, EmailTls, EventFilter,
    ExecSettings, Header, HeaderSettings, HeaderText, LogFormat, LogLevel, LogSettings, ProxyAddress,
    ProxySource, Route, SecretSource, SinkSettings, SinkTarget, TemplateSettings, TransportSettings,
    UrlSource, WebhookFormat, WebhookSettings, WebhookUrl,
};
use crate::engine::SinkPlan;
use crate::model::EventKind;
use crate::template::{Content, Leaf, Node, Template};

const ADDRESS: &str = "https://hooks.slack.com/services/x";

const CA: &str = include_str!("../../http/failure/pem/ca.pem");
const OTHER_CA: &str = include_str!("../../http/failure/pem/authority.pem");
const CLIENT: &str = include_str!("../../http/failure/pem/client.pem");
const KEY: &str = include_str!("../../http/failure/pem/key.pem");

fn given() -> UrlSource {
    UrlSource::Given(WebhookUrl::parse(ADDRESS, false).unwrap())
}

/// A webhook that differs from the usual one by this.
fn webhook(change: impl FnOnce(&mut WebhookSettings)) -> SinkTarget {
    let mut settings = WebhookSettings::new(given());
    change(&mut settings);
    SinkTarget::Webhook(settings)
}

fn email(change: impl FnOnce(&mut EmailSettings)) -> SinkTarget {
    let address = || "Ops <ops@example.com>".parse().unwrap();
    let mut settings = EmailSettings::new("smtp.example.com", EmailTls::Implicit, address(), vec![address()]);
    change(&mut settings);
    SinkTarget::Email(settings)
}

fn exec(change: impl FnOnce(&mut ExecSettings)) -> SinkTarget {
    let mut settings = ExecSettings::new("/bin/true", vec!["--quiet".to_owned()]);
    change(&mut settings);
    SinkTarget::Exec(settings)
}

fn bearer(source: SecretSource) -> HeaderSettings {
    HeaderSettings { authorization: Some(Authorization::Bearer(source)), ..HeaderSettings::default() }
}

fn header(value: HeaderText) -> HeaderSettings {
    HeaderSettings { named: vec![Header { name: "X-Team".to_owned(), value }], ..HeaderSettings::default() }
}

fn template(secret: SecretSource) -> TemplateSettings {
    let leaf = |text| Node::Text(Leaf::parse(text).unwrap());
    let entries = [
        ("text", leaf("{{ summary }}")),
        ("silent", Node::Constant(true.into())),
        ("to", Node::Array(vec![leaf("a"), Node::Secret("token".to_owned())])),
    ];
    let payload = Node::Table(entries.map(|(key, node)| (key.to_owned(), node)).into());
    let env = [("CHANNEL".to_owned(), "restores".to_owned())].into();
    TemplateSettings {
        template: Template { content: Content::Json(payload), env },
        content_type: "application/json".to_owned(),
        secrets: vec![("token".to_owned(), secret)],
    }
}

fn templating(template: TemplateSettings) -> SinkTarget {
    webhook(|webhook| {
        webhook.format = WebhookFormat::Template;
        webhook.template = Some(Box::new(template));
    })
}

fn plan(settings: &SinkSettings) -> SinkPlan {
    let sink = Sink::new(settings, |_| Box::pin(std::future::ready(Ok(())))).unwrap();
    sink.plan(settings)
}

/// The fingerprint of a sink that is set up with these settings.
fn of(target: SinkTarget) -> u64 {
    plan(&SinkSettings::new(target)).fingerprint
}

fn path(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn a_secret_counts_and_not_where_it_is_read_from() {
    const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ROUTING: &str = "0123456789abcdef0123456789abcdef";

    type Target = fn(SecretSource) -> SinkTarget;
    let folder = tempfile::tempdir().unwrap();
    let cases: &[(&str, &str, &str, Target)] = &[
        ("url", ADDRESS, "https://hooks.slack.com/services/y", |source| {
            webhook(|webhook| webhook.url = UrlSource::From(source))
        }),
        ("bearer", "token", "nekot", |source| webhook(|webhook| webhook.headers = bearer(source))),
        ("header", "token", "nekot", |source| {
            webhook(|webhook| webhook.headers = header(HeaderText::From(source)))
        }),
        ("basic", "password", "drowssap", |password| {
            let basic = Authorization::Basic { user: "restores".to_owned(), password };
            webhook(|webhook| webhook.headers.authorization = Some(basic))
        }),
        ("signing_secret", SIGNING, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", |source| {
            webhook(|webhook| webhook.signing_secrets = vec![source])
        }),
        ("proxy", "http://a:b@proxy:3128", "http://a:c@proxy:3128", |source| {
            webhook(|webhook| webhook.transport.proxy = Some(ProxySource::From(source)))
        }),
        ("routing_key", ROUTING, "f123456789abcdef0123456789abcdef", |source| {
            webhook(|webhook| {
                webhook.format = WebhookFormat::PagerDuty;
                webhook.routing_key = Some(source);
            })
        }),
        ("secrets", "token", "nekot", |source| templating(template(source))),
        ("password", "password", "drowssap", |password| {
            email(|email| email.login = Some(EmailLogin { username: "alerts".to_owned(), password }))
        }),
    ];

    for (what, secret, other, target) in cases {
        let at = |name, content: &str| of(target(SecretSource::File(path(folder.path(), name, content))));
        let here = at("here", secret);

        assert_eq!(here, at("there", &format!("{secret}\n")), "{what}");
        assert_ne!(here, at("here", other), "{what}");
    }
}

#[test]
fn a_value_counts_the_same_in_the_file_and_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let from = |content| SecretSource::File(path(folder.path(), "secret", content));
    let proxy = "http://proxy:3128";

    assert_eq!(of(webhook(|_| {})), of(webhook(|webhook| webhook.url = UrlSource::From(from(ADDRESS)))),);
    assert_eq!(
        of(webhook(|webhook| webhook.headers = header(HeaderText::Given("search".to_owned())))),
        of(webhook(|webhook| webhook.headers = header(HeaderText::From(from("search"))))),
    );
    let given = ProxySource::Given(ProxyAddress::parse(proxy).unwrap());
    assert_eq!(
        of(webhook(|webhook| webhook.transport.proxy = Some(given))),
        of(webhook(|webhook| webhook.transport.proxy = Some(ProxySource::From(from(proxy))))),
    );
}

#[test]
fn certificates_count_and_not_how_their_files_are_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name, content: &str| path(folder.path(), name, content);
    let trusting = |file| of(webhook(|webhook| webhook.transport.ca_file = Some(file)));
    let trusting_mail = |file| of(email(|email| email.ca_file = Some(file)));
    let showing = |file, key| {
        let client_cert = Some(ClientCert { file, key: SecretSource::File(key) });
        let transport = TransportSettings { client_cert, ..TransportSettings::default() };
        of(webhook(|webhook| webhook.transport = transport))
    };

    for trusting in [&trusting as &dyn Fn(PathBuf) -> u64, &trusting_mail] {
        let both = trusting(file("both", &format!("{CA}{OTHER_CA}")));
        assert_eq!(both, trusting(file("turned", &format!("# of ours\n{OTHER_CA}\r\n\r\n{CA}"))));
        assert_ne!(both, trusting(file("both", CA)));
    }
    let two = showing(Some(file("client.pem", CLIENT)), file("key.pem", KEY));
    assert_eq!(two, showing(None, file("one.pem", &format!("{CLIENT}{KEY}"))));
    assert_ne!(two, of(webhook(|_| {})));
}

#[test]
fn each_setting_counts() {
    let schedule = || vec![Duration::from_secs(1)];
    let levels = || vec![(EventKind::Failed, LogLevel::Error)];
    let token = || SecretSource::Public("token");
    let templated = |change: fn(&mut TemplateSettings)| {
        let mut template = template(SecretSource::Public("token"));
        change(&mut template);
        templating(template)
    };
    let text = |content_type: &str| {
        let content = Content::Text(Leaf::parse("{{ summary }}").unwrap());
        let content_type = content_type.to_owned();
        let template = Template { content, env: [].into() };
        templating(TemplateSettings { template, content_type, secrets: Vec::new() })
    };
    let login = || EmailLogin { username: "alerts".to_owned(), password: token() };
    let all = [
        SinkTarget::Log(LogSettings::default()),
        SinkTarget::Log(LogSettings { format: LogFormat::Json, ..LogSettings::default() }),
        SinkTarget::Log(LogSettings { levels: levels(), ..LogSettings::default() }),
        SinkTarget::Desktop(DesktopSettings::default()),
        webhook(|_| {}),
        webhook(|webhook| webhook.allow_http = true),
        webhook(|webhook| webhook.block_private = true),
        webhook(|webhook| webhook.format = WebhookFormat::Slack),
        webhook(|webhook| webhook.transport.proxy = Some(ProxySource::None)),
        webhook(|webhook| webhook.retry_schedule = schedule()),
        templated(|_| {}),
        templated(|template| template.template.env.clear()),
        templated(|template| template.template.content = Content::Json(Node::Table(Vec::new()))),
        templated(|template| template.template.content = Content::Json(Node::Array(Vec::new()))),
        templated(|template| template.template.content = Content::Json(Node::Constant(0.into()))),
        text("text/plain; charset=utf-8"),
        text("text/markdown"),
        exec(|_| {}),
        exec(|exec| exec.program = "/bin/false".into()),
        exec(|exec| exec.arguments.clear()),
        exec(|exec| exec.timeout = Duration::from_secs(1)),
        exec(|exec| exec.retry = false),
        exec(|exec| exec.retry_schedule = schedule()),
        email(|_| {}),
        email(|email| email.host = "mail.example.com".to_owned()),
        email(|email| email.port = 2525),
        email(|email| (email.tls, email.port) = (EmailTls::Starttls, 587)),
        email(|email| email.login = Some(login())),
        email(|email| email.from = "ops@example.com".parse().unwrap()),
        email(|email| email.to.push("dev@example.com".parse().unwrap())),
        email(|email| email.retry_schedule = schedule()),
    ];
    let count = all.len();

    let mut seen: Vec<_> = all.into_iter().map(of).collect();

    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn events_count_but_names_and_what_a_type_is_made_of_do_not() {
    let settings = |events| SinkSettings { route: Route::new(events), ..SinkSettings::new(webhook(|_| {})) };
    let of = |events| plan(&settings(events)).fingerprint;
    let named = SinkSettings { name: "ops".to_owned(), ..settings(EventFilter::all()) };

    assert_ne!(of(EventFilter::all()), of(EventFilter::ends()));
    assert_eq!(of(EventFilter::all()), plan(&named).fingerprint);
}

/// By the formula that is in states: it never changes.
#[test]
fn fingerprints_are_those_that_states_have() {
    let token = || SecretSource::Public("token");
    let login = || Some(EmailLogin { username: "alerts".to_owned(), password: token() });
    let full = webhook(|webhook| {
        webhook.format = WebhookFormat::Template;
        webhook.template = Some(Box::new(template(token())));
        webhook.headers = bearer(token());
        webhook.signing_secrets = vec![SecretSource::Public("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
        webhook.retry_schedule = vec![Duration::from_secs(5), Duration::from_millis(10)];
        webhook.transport.proxy = Some(ProxySource::None);
    });

    for (target, fingerprint) in [
        (SinkTarget::Log(LogSettings::default()), 0xdb6f_ba61_df30_2e36),
        (SinkTarget::Desktop(DesktopSettings::default()), 0xccf2_da7f_7c8f_360c),
        (webhook(|_| {}), 0x3911_88eb_a2c1_5b5b),
        (full, 0x6d4a_7f75_3526_5145),
        (exec(|exec| exec.timeout = Duration::from_secs(1)), 0x444c_f245_4cf4_765c),
        (email(|email| email.login = login()), 0xdb82_99df_6166_a5a1),
    ] {
        let what = format!("{target:?}");
        assert_eq!(of(target), fingerprint, "{what}");
    }
}

#[test]
fn a_plan_has_the_fingerprint_of_0_1_0_too() {
    let plan = plan(&SinkSettings::new(webhook(|_| {})));

    assert_eq!(plan.former_fingerprint, Some(0xb6e5_5366_e36c_ea9e));
    assert_ne!(plan.former_fingerprint, Some(plan.fingerprint));
}

#[test]
fn a_default_counts_no_more_than_a_key_that_is_not_there() {
    let mut canonical = Canonical::new();
    let before = Canonical::new().finish();

    canonical.put_unless_usual("timeout", &["30"], &["30"]);

    assert_eq!(canonical.finish(), before);
}
