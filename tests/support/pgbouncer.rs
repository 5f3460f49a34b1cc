//! A pgbouncer in front of a PostgreSQL server, which lends a connection for one transaction.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::PATIENCE;
use super::postgres_server::{Installation, Keeper, PostgresServer, ROLE};

/// Ends with the process of the tests, at the latest.
pub struct Pgbouncer {
    keeper: Keeper,
    process: Child,
}

impl Pgbouncer {
    /// One in front of this server. `None` if it is not installed.
    pub fn start(server: &PostgresServer) -> Option<Self> {
        let program = "/usr/sbin/pgbouncer";
        if !std::path::Path::new(program).exists() {
            let required = std::env::var("RESTORE_WATCH_REQUIRE_PGBOUNCER").is_ok_and(|value| value == "1");
            assert!(!required, "pgbouncer is not installed, and it must be");
            drop(writeln!(std::io::stderr(), "SKIPPED: pgbouncer is not installed"));
            return None;
        }
        let installation = Installation::find()?;
        let keeper = Keeper::new(installation);
        let folder = keeper.folder().display();

        let text = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n\
             unix_socket_dir = {folder}\nauth_type = trust\nauth_file = {folder}/users\n\
             pool_mode = transaction\nmax_client_conn = 100\ndefault_pool_size = 10\nlogfile = {folder}/log\n",
            server.folder().display(),
            server.port(),
        );
        std::fs::write(keeper.folder().join("pgbouncer.ini"), text).expect("a file");
        std::fs::write(keeper.folder().join("users"), format!("\"{ROLE}\" \"\"\n")).expect("a file");

        let mut command = installation.command(program);
        command.arg("--quiet").arg(keeper.folder().join("pgbouncer.ini")).current_dir(keeper.folder());
        let command = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let process = command.spawn().expect("pgbouncer");
        keeper.keep(process.id());
        let socket = keeper.folder().join(".s.PGSQL.6432");
        let mut waited = Duration::ZERO;
        while !socket.exists() {
            assert!(waited < PATIENCE, "pgbouncer does not start");
            sleep(Duration::from_millis(10));
            waited += Duration::from_millis(10);
        }
        Some(Self { keeper, process })
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        let folder = self.keeper.folder().display().to_string().replace('/', "%2F");
        format!("postgresql://{ROLE}@{folder}:6432/{database}")
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        // Both fail if it has ended.
        drop(self.process.kill());
        drop(self.process.wait());
        self.keeper.keep(0);
    }
}
