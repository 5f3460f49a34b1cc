//! A daemon with every type of sink, each secret from one of the sources, and those it speaks to.

use std::path::Path;

use restore_watch::simulate::{Receiver, Simulator};

use super::receivers::{MailServer, echo, record};
use super::words::{lines_of_key, word};
use crate::Daemon;
use crate::support::{Folder, Running, TlsReceiver, Watch, certificate, play};

/// The secrets, as the configuration names them. That of the proxy in the environment is not there.
pub(super) const SECRETS: [&str; 16] = [
    "api", "refused", "hook", "new", "old", "header", "chat", "bearer", "basic", "template", "routing",
    "hop", "mail", "ping", "token", "key",
];

/// The sinks whose receivers refuse all that they get.
pub(super) const REFUSED: [&str; 8] =
    ["hook", "chat", "template", "pages", "hopping", "tunneled", "mail", "command"];

/// Prints all that it can know to standard output and standard error, and to a file; then fails.
const SCRIPT: &str = "#!/bin/sh
{
  tr '\\0' ' ' < /proc/$$/cmdline; echo
  tr '\\0' ' ' < /proc/$PPID/cmdline; echo
  tr '\\0' '\\n' < /proc/$$/environ
  ls -l /proc/$$/fd
  cat
} > \"$0.of-$$\" 2>&1
cat \"$0.of-$$\" >> \"$0.printed\"
cat \"$0.of-$$\"
cat \"$0.of-$$\" >&2
rm \"$0.of-$$\"
exit 3
";

/// Those that a daemon speaks to, and where its secrets come from.
pub(super) struct World {
    format: &'static str,
    /// Which source each secret comes from.
    shift: usize,
    plane: Simulator,
    /// An API, the receiver of each webhook, a proxy and a monitor, each of which refuses.
    pub(super) api: Receiver,
    pub(super) hooks: Receiver,
    pub(super) proxy: Receiver,
    pub(super) monitor: Receiver,
    pub(super) certified: TlsReceiver,
    pub(super) mails: MailServer,
}

impl World {
    pub(super) fn new(format: &'static str, shift: usize) -> Self {
        let plane = "[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"10m\"\nends = \"completed\"\n\
                     [[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n";
        // An API refuses a key for some time before that is an event.
        let [api, hooks, proxy, monitor] = [8, usize::MAX, usize::MAX, usize::MAX].map(echo);
        Self {
            format,
            shift,
            plane: play(plane),
            api,
            hooks,
            proxy,
            monitor,
            certified: TlsReceiver::for_certified_clients(),
            mails: MailServer::start(),
        }
    }

    /// The daemon, not started.
    pub(super) fn daemon(&self, launcher: &[&str]) -> Watch {
        let daemon = Daemon::new(self.config(&|name| self.source(name)));
        let folder = daemon.folder.path().to_owned();
        for name in ["secrets", "credentials"] {
            std::fs::create_dir(folder.join(name)).expect("a folder");
        }
        for name in ["ca.pem", "client.pem"] {
            std::fs::copy(certificate(name), folder.join(name)).expect("a certificate");
        }
        write_script(&daemon.folder);
        self.write_secrets(&folder, false);
        self.with_secrets(daemon.run_through(launcher, &[]), &folder)
    }

    /// A command in the environment of the daemon, which can read its configuration.
    pub(super) fn command(&self, daemon: &Running, words: &[&str]) -> Watch {
        let folder = daemon.folder().path();
        let config = folder.join("config.toml").to_string_lossy().into_owned();
        self.with_secrets(Watch::new([words, &["--config", &config]].concat()), folder)
    }

    /// The secrets of the environment.
    fn with_secrets(&self, mut watch: Watch, folder: &Path) -> Watch {
        for name in SECRETS.into_iter().filter(|name| self.kind_of_source(name) == 0) {
            watch = watch.env(&format!("SECRET_{}", name.to_uppercase()), &self.text(name, false));
        }
        let proxy = format!("http://{}:{}@", word("EnvUser", false), word("EnvPass", false));
        watch
            .env("http_proxy", &self.proxy.url().replace("http://", &proxy))
            .env("CREDENTIALS_DIRECTORY", &folder.join("credentials").to_string_lossy())
            .env("RUST_LOG", "trace")
    }

    /// Writes the secrets that come from files and credentials.
    pub(super) fn write_secrets(&self, folder: &Path, is_rotated: bool) {
        for name in SECRETS {
            let place = match self.kind_of_source(name) {
                0 => continue,
                1 => "secrets",
                _ => "credentials",
            };
            std::fs::write(folder.join(place).join(name), self.text(name, is_rotated) + "\n")
                .expect("a file");
        }
    }

    /// Where a secret comes from: 0 is the environment, 1 a file, 2 a credential.
    pub(super) fn kind_of_source(&self, name: &str) -> usize {
        let at = SECRETS.iter().position(|known| *known == name).expect("a secret");
        (at + self.shift) % 3
    }

    /// Where a secret comes from, as the configuration says it.
    pub(super) fn source(&self, name: &str) -> String {
        match self.kind_of_source(name) {
            0 => format!("{{ env = \"SECRET_{}\" }}", name.to_uppercase()),
            1 => format!("{{ file = \"secrets/{name}\" }}"),
            _ => format!("{{ credential = \"{name}\" }}"),
        }
    }

    /// A secret itself.
    pub(super) fn text(&self, name: &str, is_rotated: bool) -> String {
        let word = |name: &str| word(name, is_rotated);
        let url = |receiver: &Receiver, user: &str, password: &str| {
            receiver.url().replace("://", &format!("://{}:{}@", word(user), word(password)))
        };
        match name {
            "api" => format!("pcsk_{}", word("Api")),
            "refused" => format!("pcsk_{}", word("Refused")),
            "hook" => {
                let url = url(&self.hooks, "HookUser", "HookPass");
                format!("{url}/services/{}?token={}", word("HookPath"), word("HookArg"))
            }
            "new" => signing(&word("SignNew")),
            "old" => signing(&word("SignOld")),
            "header" => format!("{}\"\\&<%", word("Header")),
            "chat" => format!("{}/services/T0/{}", self.hooks.url(), word("ChatPath")),
            "bearer" => word("Bearer"),
            "basic" => format!("{}:/+%\"", word("Basic")),
            "template" => format!("{}\"\\\u{e9}/", word("Template")),
            // A routing key has 32 letters and digits; the word has 30.
            "routing" => format!("{}00", word("Route")),
            "hop" => url(&self.proxy, "HopUser", "HopPass"),
            "mail" => format!("{} \u{e9}%", word("Mail")),
            "ping" => format!("{}/ping/{}", url(&self.monitor, "PingUser", "PingPass"), word("PingPath")),
            "token" => word("Token"),
            "key" => std::fs::read_to_string(certificate("key.pem")).expect("a key").trim_end().to_owned(),
            other => panic!("no secret is called {other}"),
        }
    }

    /// The configuration; `secret` writes what stands at the key of each secret.
    pub(super) fn config(&self, secret: &dyn Fn(&str) -> String) -> String {
        let (plane, api, hooks, certified) =
            (self.plane.url(), self.api.url(), self.hooks.url(), self.certified.url());
        let [port, format] = [self.mails.address.port().to_string(), self.format.to_owned()];
        let fast = "requests_per_second = 200\nburst = 50\n[project.cadence]\nmin_interval = \"20ms\"\n\
                    max_interval = \"100ms\"";
        let sink = |name: &str, kind: &str, keys: &str| {
            format!(
                "[[sink]]\nname = \"{name}\"\ntype = \"{kind}\"\nevents = [\"*\"]\n\
                 retry_schedule = [\"10ms\", \"10ms\"]\n{keys}\n"
            )
        };
        let webhook = |name: &str, keys: &str| sink(name, "webhook", keys);
        let [hook, new, old, header] = ["hook", "new", "old", "header"].map(secret);
        let [chat, bearer, basic, template] = ["chat", "bearer", "basic", "template"].map(secret);
        let [routing, hop, mail, key] = ["routing", "hop", "mail", "key"].map(secret);

        [
            format!("drain_timeout = \"1s\"\n[http]\nlisten = \"unix:http.sock\"\ntoken = {}\n", secret("token")),
            format!("[heartbeat]\ninterval = \"50ms\"\nurl = {}\n", secret("ping")),
            format!("[[project]]\nname = \"one\"\njobs = [\"rj-1\", \"rj-2\"]\napi_key = {}\n", secret("api")),
            format!("[project.api]\nendpoint = \"{plane}\"\n{fast}\n"),
            format!("[[project]]\nname = \"refused\"\njobs = [\"rj-3\"]\napi_key = {}\n", secret("refused")),
            format!("[project.api]\nendpoint = \"{api}\"\n{fast}\n[project.watch]\nunauthorized_grace = \"1s\"\n"),
            format!("[[sink]]\ntype = \"log\"\nformat = \"{format}\"\n"),
            webhook("hook", &format!("url = {hook}\nsigning_secret = [{new}, {old}]\nheaders = {{ X-Api-Key = {header} }}")),
            webhook("chat", &format!("url = {chat}\nformat = \"slack\"\nbearer = {bearer}")),
            webhook(
                "template",
                &format!(
                    "url = \"{hooks}\"\nformat = \"template\"\nbasic = {{ user = \"ops\", password = {basic} }}\n\
                     payload = {{ token = \"{{{{ secret.token }}}}\", text = \"{{{{ summary }}}}\" }}\n\
                     secrets.token = {template}"
                ),
            ),
            webhook("pages", &format!("url = \"{hooks}\"\nformat = \"pagerduty\"\nrouting_key = {routing}")),
            webhook("hopping", &format!("url = \"http://hooks.invalid/\"\nallow_http = true\nproxy = {hop}")),
            webhook("tunneled", &format!("url = \"https://hooks.invalid/\"\nproxy = {hop}")),
            webhook("outside", "url = \"http://hooks.invalid/\"\nallow_http = true"),
            webhook(
                "certified",
                &format!(
                    "url = \"{certified}\"\nca_file = \"ca.pem\"\n\
                     client_cert = {{ cert = \"client.pem\", key = {key} }}"
                ),
            ),
            sink(
                "mail",
                "email",
                &format!(
                    "host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nusername = \"alerts\"\npassword = {mail}\n\
                     from = \"rw@example.com\"\nto = \"ops@example.com\""
                ),
            ),
            sink("command", "exec", "command = [\"./command\", \"an argument\"]"),
        ]
        .concat()
    }

    /// All that the daemon sent.
    pub(super) fn record(&self) -> Vec<u8> {
        let receivers = [&self.api, &self.hooks, &self.proxy, &self.monitor];
        let mut record: Vec<u8> = receivers.into_iter().flat_map(record).collect();
        record.extend(self.mails.record());
        record
    }
}

fn write_script(folder: &Folder) {
    use std::os::unix::fs::PermissionsExt as _;

    let path = folder.write("command", SCRIPT);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("a mode");
}

/// A signing secret of this word.
pub(super) fn signing(word: &str) -> String {
    use base64::Engine as _;

    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(word))
}

#[test]
fn each_secret_comes_from_each_source() {
    let worlds = [0, 1, 2].map(|shift| World::new("human", shift));
    for name in SECRETS {
        let mut kinds = worlds.each_ref().map(|world| world.kind_of_source(name));
        kinds.sort_unstable();
        assert_eq!(kinds, [0, 1, 2], "{name}");
    }
    assert!(lines_of_key().iter().all(|line| worlds[0].text("key", false).contains(line)));
}
