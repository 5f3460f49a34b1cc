//! The daemon as a pod runs it: its configuration and secrets on volumes of the kubelet, its probes, its rotation.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use restore_watch::simulate::Simulator;
use serde_json::Value;

use super::configuration::can_run;
use super::volume::Volume;
use super::{daemons, entries, named, text, tree};
use crate::support::{Folder, PATIENCE, PostgresServer, Running, Watch, play};
use crate::yaml;

/// A pod: the directories that are mounted, and the container.
struct Pod {
    container: Value,
    configuration: String,
    config: Volume,
    secrets: Volume,
    folder: Folder,
}

impl Pod {
    /// The pod of a folder of manifests, with these secrets.
    fn new(folder: &str, secrets: &[(&str, &str)]) -> Self {
        let (_, container) =
            daemons().into_iter().find(|(file, _)| file.starts_with(folder)).expect("a daemon");
        let files = Folder::new();
        let mut pod = Self {
            container,
            configuration: text(&format!("{folder}/config.toml")),
            config: Volume::new(files.path().join("config")),
            secrets: Volume::new(files.path().join("secrets")),
            folder: files,
        };
        for name in ["state", "run"] {
            let directory = pod.folder.path().join(name);
            fs::create_dir(&directory).expect("a directory");
            // An emptyDir and the root of a volume with fsGroup are writable for others, too.
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o2777)).expect("a directory");
        }
        pod.configure("");
        pod.secrets.write(secrets);
        pod
    }

    /// Writes the `ConfigMap`: as it is shipped, but with a free port, and places that exist; with
    /// `jobs` at its top.
    fn configure(&mut self, jobs: &str) {
        let secrets = self.secrets.path().to_string_lossy().into_owned();
        let text = self.configuration.replace("/secrets", &secrets).replace("0.0.0.0:9115", "0.0.0.0:0");
        self.config.write(&[("config.toml", &format!("{jobs}{text}"))]);
    }

    /// A program in the container, with the environment that is set for it.
    fn command(&self, arguments: &[String], plane: &Simulator) -> Watch {
        let directory = |mounted: &str| {
            let mount = entries(&self.container["volumeMounts"])
                .iter()
                .find(|mount| mounted.starts_with(&yaml::text(&mount["mountPath"])));
            self.folder.path().join(yaml::text(&mount.expect(mounted)["name"]))
        };
        let mut command = Watch::new(arguments).env("PINECONE_CONTROLLER_HOST", &plane.url());
        for variable in entries(&self.container["env"]) {
            let (name, value) = (yaml::text(&variable["name"]), yaml::text(&variable["value"]));
            let moved = match value.rsplit_once('/') {
                Some((_, file)) if file.contains('.') => directory(&value).join(file),
                _ => directory(&value),
            };
            command = command.env(&name, moved.to_str().expect("text"));
        }
        command
    }

    fn start(&self, plane: &Simulator) -> (Running, u16) {
        let mut running = self.command(&yaml::texts(&self.container["args"]), plane).start();
        let before = "listening on http://0.0.0.0:";
        running.until_logged(before);
        let logged = running.stderr();
        let port =
            logged.split(before).nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a port");
        (running, port.parse().expect("a port"))
    }

    /// The paths of its probes.
    fn probes(&self) -> [String; 3] {
        ["startupProbe", "livenessProbe", "readinessProbe"]
            .map(|probe| yaml::text(&self.container[probe]["httpGet"]["path"]))
    }
}

/// The status and the text of an answer to a client that calls the host so.
fn get(port: u16, host: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("an answer").1.to_owned())
}

#[test]
fn rotated_secret_is_used_after_a_reload() {
    let plane = play(
        "api_key = \"pcsk_new_1\"\n[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n",
    );
    let mut pod = Pod::new("sqlite", &[("pinecone-api-key", "pcsk_old_1\n")]);
    let (mut daemon, _) = pod.start(&plane);
    daemon.until("a refusal", |_| plane.requests().iter().any(|request| request.answered == Some(401)));
    let refused = plane.count();

    // kubectl apply, and what the kubelet does then; the daemon does nothing by itself.
    pod.secrets.write(&[("pinecone-api-key", "pcsk_new_1\n")]);
    pod.configure("jobs = [\"rj-2\"]\n");
    let reload = pod.command(&["reload".to_owned()], &plane).run().expect(0);

    assert!(reload.stdout.starts_with("configuration reloaded: 1 added, 0 removed\n"), "{}", reload.stdout);
    daemon.until("a poll with the new key", |_| {
        plane
            .requests()
            .iter()
            .skip(refused)
            .any(|request| request.key_accepted && request.path == "/restore-jobs/rj-2")
    });
    daemon.signal("TERM");
    daemon.finish().expect(0);
}

#[test]
fn secret_without_a_key_keeps_the_one_before() {
    let plane = play("api_key = \"pcsk_old_1\"\n[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut pod = Pod::new("sqlite", &[("pinecone-api-key", "pcsk_old_1\n")]);
    let (mut daemon, _) = pod.start(&plane);
    daemon.until("a poll", |_| plane.count() > 0);

    pod.secrets.write(&[("pinecone-api-key", "\n")]);
    pod.command(&["reload".to_owned()], &plane).run().expect(78);

    let before = plane.count();
    daemon.until("polls with the key before", |_| plane.count() > before);
    assert!(plane.requests().iter().all(|request| request.key_accepted));
}

#[test]
fn probes_and_scrapes_are_answered() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let pod = Pod::new("sqlite", &[("pinecone-api-key", "pcsk_1")]);
    let (mut daemon, port) = pod.start(&plane);
    daemon.until("it is ready", |_| get(port, "127.0.0.1", "/readyz").0 == 200);

    // The kubelet and Prometheus call the pod by its address, a port that is forwarded is one of localhost.
    for host in ["10.1.2.3", "localhost"] {
        for path in pod.probes() {
            assert_eq!(get(port, host, &path), (200, "ok\n".to_owned()), "{host} {path}");
        }
        assert_eq!(get(port, host, "/healthz").0, 404);
    }
    let endpoint = &tree("pod-monitor.yaml")["spec"]["podMetricsEndpoints"][0];
    assert!(named(&pod.container["ports"], &yaml::text(&endpoint["port"])).is_object());
    let (status, metrics) = get(port, "10.1.2.3", &yaml::text(&endpoint["path"]));
    assert!(status == 200 && metrics.contains("\nrestore_watch_"), "{metrics}");
    pod.command(&["status".to_owned(), "--check".to_owned()], &plane).run().expect(0);
}

#[test]
fn replicas_are_ready_as_active_and_as_standby() {
    let Some(server) = PostgresServer::shared().filter(|_| can_run("postgres")) else { return };
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let url = server.create_database("kubernetes");
    let pod = || Pod::new("postgres", &[("pinecone-api-key", "pcsk_1"), ("postgres-url", &url)]);
    let (first, second) = (pod(), pod());

    let (mut active, port) = first.start(&plane);
    active.until("it is active", |_| get(port, "10.1.2.3", "/readyz") == (200, "ok (active)\n".to_owned()));
    let (mut standby, port) = second.start(&plane);
    standby.until("it stands by", |_| get(port, "10.1.2.3", "/readyz") == (200, "ok (standby)\n".to_owned()));
    for path in second.probes() {
        assert_eq!(get(port, "10.1.2.3", &path).0, 200, "{path}");
    }

    // What an eviction, or an update once a new pod is ready, does.
    active.signal("TERM");
    active.finish().expect(0);
    standby.until("it takes over", |_| get(port, "10.1.2.3", "/readyz") == (200, "ok (active)\n".to_owned()));
}

#[test]
fn replica_without_its_database_lives_and_is_not_ready() {
    if !can_run("postgres") {
        return;
    }
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let away = "postgresql://restore_watch@127.0.0.1:9/restore_watch";
    let pod = Pod::new("postgres", &[("pinecone-api-key", "pcsk_1"), ("postgres-url", away)]);

    let (_daemon, port) = pod.start(&plane);

    let [startup, liveness, readiness] = pod.probes();
    assert_eq!(get(port, "10.1.2.3", &startup).0, 200);
    assert_eq!(get(port, "10.1.2.3", &liveness).0, 200);
    assert_eq!(get(port, "10.1.2.3", &readiness).0, 503);
}
