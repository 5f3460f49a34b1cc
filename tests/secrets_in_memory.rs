//! Secrets are overwritten in the memory of the process when they are dropped.
//!
//! Invariant: this is one test in its own process, because it searches all writable memory.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use jiff::Timestamp;
use restore_watch::adapters::http::{self, ClientOptions};
use restore_watch::adapters::monitor::Monitor;
use restore_watch::adapters::pinecone::Client;
use restore_watch::adapters::sinks::Sink;
use restore_watch::adapters::web::Token;
use restore_watch::config::{
    ApiSettings, Authorization, EmailLogin, EmailSettings, EmailTls, HeaderSettings, MonitorSettings,
    SecretSource, SinkSettings, SinkTarget, UrlSource, WebhookSettings,
};
use restore_watch::model::{Event, EventId, EventKind, Payload, ProjectName};
use restore_watch::platform::clock::Clock;

const KEY: &str = "pcsk_canary_of_a_key_3Jf92kLq0Zx7Vb5Nm1Rt8Ws4Yd6Ug2Ph0";
const ADDRESS: &str = "https://127.0.0.1:1/services/canary_of_an_address_Qm5Xe1Tz8Ro3Lk7Ha2";
const SIGNING: &str = "whsec_Y2FuYXJ5LWJ5dGVzLW9mLWEtc2lnbmluZy1zZWNyZXQtdGhhdC1pcy1sb25n";
const SIGNING_BYTES: &[u8] = b"canary-bytes-of-a-signing-secret-that-is-long";
const PASSWORD: &str = "canary_of_a_password_Hs6Wn2Kd8Zq4Xb9Rt1Vm5";
const TOKEN: &str = "canary_of_a_token_Lw4Jq9Xz2Vn7Ks5Tb8Rm3Yd6Pf1";

const BEARER: &str = "canary_of_a_bearer_token_Rb6Nv2Jc9Qw5Lt8Hz3Xk7Gm";

#[test]
fn secrets_are_overwritten_when_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        SecretSource::File(path)
    };
    let (key, address) = (file("key", KEY), file("address", ADDRESS));
    let signing = file("signing", SIGNING);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();

    leaves_no_trace(KEY, || key.read_api_key().unwrap());
    leaves_no_trace(KEY, || {
        let settings = ApiSettings::default();
        let http = http::client(&ClientOptions::new(&"http://127.0.0.1:1".parse().unwrap(), None)).unwrap();
        let client = Client::new(http, &settings, key.read_api_key().unwrap());
        [client.clone(), client]
    });

    let url = UrlSource::From(address);
    leaves_no_trace(ADDRESS, || {
        let (url, interval) = (url.clone(), Duration::from_secs(1));
        let heartbeat = MonitorSettings { url, allow_http: false, interval, count_sinks: false };
        Monitor::new(&heartbeat).unwrap()
    });
    let bearer = Authorization::Bearer(file("bearer", BEARER));
    let webhook = WebhookSettings {
        signing_secrets: vec![signing],
        headers: HeaderSettings { authorization: Some(bearer), ..HeaderSettings::default() },
        ..WebhookSettings::new(url)
    };
    let settings = SinkSettings::new(SinkTarget::Webhook(webhook));
    let sink = || Sink::new(&settings, |_| Box::pin(std::future::ready(Ok(())))).unwrap();
    leaves_no_trace(ADDRESS, sink);

    let login = EmailLogin { username: "alerts".to_owned(), password: file("password", PASSWORD) };
    let address = || "ops@example.com".parse().unwrap();
    let email = EmailSettings::new("127.0.0.1", EmailTls::Implicit, address(), vec![address()]);
    let settings = SinkSettings::new(SinkTarget::Email(EmailSettings { login: Some(login), ..email }));
    leaves_no_trace(PASSWORD, || Sink::new(&settings, |_| Box::pin(std::future::ready(Ok(())))).unwrap());
    let delivered = || {
        let sink = sink();
        let now = Clock::system().now().wall;
        let payload = Payload { event: event(now), body: b"{}".to_vec() };
        runtime.block_on(sink.deliver(&payload, now)).unwrap_err();
        sink
    };
    leaves_no_trace(SIGNING_BYTES, delivered);
    leaves_no_trace(BEARER, delivered);
    assert_eq!(traces(SIGNING), 0);

    // Of this one, only a digest is kept.
    let token = Token::read(&file("token", TOKEN)).unwrap();
    assert_eq!(traces(TOKEN), 0);
    assert_eq!(format!("{token:?}"), "***");
}

/// How often the end of `secret` is in memory. Its beginning may be overwritten by the allocator's
/// bookkeeping. The constants themselves are read-only and not counted.
fn traces(secret: impl AsRef<[u8]>) -> usize {
    const STEP: usize = 1 << 20;
    let wanted = &secret.as_ref()[secret.as_ref().len() - 20..];
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut buffer = vec![0; STEP + wanted.len()];
    let mut found = 0;
    for map in maps.lines().filter(|map| map.contains(" rw-p ")) {
        let (range, _) = map.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        for at in (start..end).step_by(STEP) {
            let length = buffer.len().min(usize::try_from(end - at).unwrap());
            // Some of what is mapped cannot be read.
            let Ok(length) = memory.read_at(&mut buffer[..length], at) else { continue };
            found += buffer[..length].windows(wanted.len()).filter(|window| *window == wanted).count();
            buffer.fill(0);
        }
    }
    found
}

/// The value that `work` makes of a secret holds it, and leaves no trace of it when dropped.
#[track_caller]
fn leaves_no_trace<T>(secret: impl AsRef<[u8]> + Copy, work: impl FnOnce() -> T) {
    let made = work();
    assert!(traces(secret) > 0, "it is not found where it must be");
    drop(made);
    assert_eq!(traces(secret), 0);
}

fn event(now: Timestamp) -> Event {
    let id = EventId::from_parts(now, [0; 10]);
    Event::of_project(id, EventKind::Test, now, ProjectName::default())
}
