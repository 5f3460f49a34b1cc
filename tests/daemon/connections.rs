//! Connections are reused: one for all polls over HTTP/2, few over HTTP/1.1.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};

use restore_watch::simulate::Simulator;

use crate::Daemon;
use crate::support::{Folder, PATIENCE, play, skipped, unused_address};

#[test]
fn polls_share_one_connection_over_http2() {
    let Some((protocols, connections, requests)) = watch(true) else { return };
    assert_eq!(protocols, ["HTTP/2.0"]);
    // The first polls of both projects begin before the protocol is negotiated.
    assert!(connections <= 2, "{connections} connections for {requests} requests");
}

#[test]
fn polls_use_few_connections_over_http1() {
    let Some((protocols, connections, requests)) = watch(false) else { return };
    assert_eq!(protocols, ["HTTP/1.1"]);
    // At most one for each job, because each has one poll in flight; slow machines get there.
    assert!(connections <= 40, "{connections} connections for {requests} requests");
}

#[cfg(target_os = "linux")]
#[test]
fn soft_limit_of_open_files_is_raised() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let launcher = ["sh", "-c", "ulimit -Sn 100; exec \"$0\" \"$@\""];
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run_through(&launcher, &[]).start();
    daemon.until("a poll", |_| plane.count() > 0);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.id())).expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("that limit");
    let numbers: Vec<_> = line.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers[0], numbers[1], "{line}");
}

/// A TLS proxy before a control plane, as the API has one; ended when dropped.
struct Front {
    process: Child,
    folder: Folder,
    url: String,
}

impl Front {
    /// A proxy that offers HTTP/2, or only HTTP/1.1; `None` if its programs are missing.
    fn start(plane: &Simulator, speaks_http2: bool) -> Option<Self> {
        let (folder, address) = (Folder::new(), unused_address());
        let path = folder.path().display();
        let http2 = if speaks_http2 { " http2" } else { "" };
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {path}/{what};"))
            .concat();
        let config = folder.write(
            "nginx.conf",
            format!(
                "daemon off; pid {path}/pid; error_log {path}/errors; events {{}}\n\
                 http {{ {temporary} log_format how '$server_protocol $connection'; access_log {path}/log how;\n\
                 server {{ listen {address} ssl{http2}; ssl_certificate {path}/cert; ssl_certificate_key {path}/key;\n\
                 location / {{ proxy_pass {}; }} }} }}\n",
                plane.url()
            ),
        );
        let certify = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                       -keyout key -out cert -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
                       -addext basicConstraints=critical,CA:FALSE";
        let certified = Command::new("sh")
            .args(["-c", certify])
            .current_dir(folder.path())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        let nginx = ["/usr/sbin/nginx", "nginx"].into_iter().find_map(|program| {
            let mut nginx = Command::new(program);
            nginx.args(["-e", "stderr", "-c", &config]).stderr(Stdio::null()).spawn().ok()
        });
        let Some(process) = nginx.filter(|_| certified) else {
            skipped("what needs nginx and openssl, which are not there");
            return None;
        };
        let front = Self { process, url: format!("https://{address}"), folder };
        let is_there = (0..1000).any(|_| {
            std::thread::sleep(PATIENCE / 1000);
            std::net::TcpStream::connect(address).is_ok()
        });
        assert!(is_there, "nginx does not listen");
        Some(front)
    }

    /// The protocol and the connection of each request.
    fn requests(&self) -> Vec<(String, String)> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).expect("a log");
        let pair = |line: &str| line.split_once(' ').map(|(how, on)| (how.to_owned(), on.to_owned()));
        log.lines().filter_map(pair).collect()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its workers, too.
        drop(Command::new("kill").arg(self.process.id().to_string()).status());
        drop(self.process.wait());
    }
}

/// Watches jobs of two projects behind such a proxy until they ended. Returns the protocols and the
/// numbers of connections and requests.
fn watch(speaks_http2: bool) -> Option<(Vec<String>, usize, usize)> {
    let plane = play("[[job]]\nid = \"rj\"\ncount = 40\ntakes = \"2s\"\n");
    let front = Front::start(&plane, speaks_http2)?;
    let mut config = format!(
        "[api]\nendpoint = \"{}\"\nca_file = \"{}/cert\"\nrequests_per_second = 100\nburst = 4\n\
         [cadence]\nmin_interval = \"100ms\"\nmax_interval = \"200ms\"\n",
        front.url,
        front.folder.path().display(),
    );
    for (name, numbers) in [("one", 1..=20), ("two", 21..=40)] {
        let jobs: Vec<_> = numbers.map(|number| format!("rj-{number}")).collect();
        let key = "{ env = \"KEY\" }";
        write!(config, "[[project]]\nname = \"{name}\"\napi_key = {key}\njobs = {jobs:?}\n").expect("a text");
    }
    Daemon::new(config).run(&["--exit-when-done"]).run().expect(0);
    let requests = front.requests();
    let protocols: BTreeSet<_> = requests.iter().map(|(how, _)| how.clone()).collect();
    let connections: BTreeSet<_> = requests.iter().map(|(_, on)| on).collect();
    assert!(requests.len() >= 80, "each job is polled at the start and at its end: {}", requests.len());
    Some((protocols.into_iter().collect(), connections.len(), requests.len()))
}
