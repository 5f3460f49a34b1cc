//! Replicas of one state, as processes: each has a configuration of its own, a way to the database
//! and a way to the control plane that can be cut.
//!
//! Invariant: whatever a replica prints is searched for secrets, and none ends unless a test ends it.

use std::net::SocketAddr;
use std::time::Duration;

use restore_watch::model::time::Instant;

use crate::secrets;
use crate::support::postgres_server::ROLE;
use crate::support::{
    ApiProxy, CLOCK, Done, Folder, KEY, Network, PATIENCE, PostgresProxy, PostgresServer, Running, Watch,
};

/// The lease of all clusters, the shortest there is.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// An endpoint that only the proxy of a replica knows (RFC 6761, section 6.4).
pub(crate) const ENDPOINT: &str = "http://control-plane.invalid";

/// How a replica begins what it logs of its first look at the lease.
const LOOKED: [&str; 3] = ["standing by: ", "took the lease ", "this replica cannot take over: "];

/// The replicas of one state.
pub(crate) struct Cluster<'a> {
    pub(crate) server: &'a PostgresServer,
    pub(crate) database: String,
    pub(crate) replicas: Vec<Replica>,
    _folder: Folder,
}

/// A replica, which may be down.
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) to_database: PostgresProxy,
    pub(crate) to_api: ApiProxy,
    /// What starts it: its address of the database, and what a test adds.
    pub(crate) variables: Vec<(String, String)>,
    config: String,
    process: Option<Running>,
    /// When it was continued after a pause.
    resumed: Vec<Instant>,
    /// What the processes before this one logged.
    logged: String,
}

impl<'a> Cluster<'a> {
    /// Replicas of these names on a new database, none of which is started. `text` is the
    /// configuration but for the state; its projects are at [`ENDPOINT`].
    pub(crate) fn new(
        server: &'a PostgresServer,
        database: &str,
        plane: SocketAddr,
        text: &str,
        names: &[&str],
    ) -> Self {
        server.create_database(database);
        let folder = Folder::new();
        let replica = |name: &&str| Replica::new(server, database, plane, text, name, &folder);
        let replicas = names.iter().map(replica).collect();
        Self { server, database: database.to_owned(), replicas, _folder: folder }
    }

    /// Starts all of them.
    pub(crate) fn start(&mut self) {
        self.replicas.iter_mut().for_each(Replica::start);
    }

    /// Waits until a replica polls, after this time, and is one that is wanted. Gives which, and
    /// when.
    #[track_caller]
    pub(crate) fn until_polled(
        &mut self,
        since: Instant,
        wanted: impl Fn(usize) -> bool,
    ) -> (usize, Instant) {
        let first = |cluster: &Self| {
            cluster.polls().into_iter().find(|(at, replica)| *at > since && wanted(*replica))
        };
        self.until("a poll", |cluster| first(cluster).is_some());
        let (at, replica) = first(self).expect("a poll");
        (replica, at)
    }

    /// The one that polls, by the last poll.
    #[track_caller]
    pub(crate) fn active(&mut self) -> usize {
        let now = CLOCK.now().instant;
        self.until_polled(now, |_| true).0
    }

    /// Waits until a condition holds. A replica that ends meanwhile is a fault.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = CLOCK.now().instant;
        while !condition(self) {
            let waited = CLOCK.now().instant.since(start);
            assert!(waited < PATIENCE, "waited in vain for {what}\n{}", self.logged());
            self.all_live();
            // Most conditions start a process.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Fails if one that was started has ended by itself.
    #[track_caller]
    pub(crate) fn all_live(&mut self) {
        for at in 0..self.replicas.len() {
            assert!(!self.replicas[at].has_ended(), "{at} ended by itself\n{}", self.logged());
        }
    }

    /// Every poll so far with its replica, in their order.
    pub(crate) fn polls(&self) -> Vec<(Instant, usize)> {
        let of = |(at, replica): (usize, &Replica)| {
            replica.to_api.polls().into_iter().map(move |when| (when, at)).collect::<Vec<_>>()
        };
        let mut polls: Vec<_> = self.replicas.iter().enumerate().flat_map(of).collect();
        polls.sort_by_key(|(when, _)| *when);
        polls
    }

    /// Fails if two replicas polled at once: then they took more turns than there were leases.
    #[track_caller]
    pub(crate) fn polls_in_turns(&self) {
        let mut polls = self.polls();
        // What a pause interrupted goes out when it ends: one request of each job at most.
        polls.retain(|(at, replica)| {
            let after = |resumed: &Instant| *at >= *resumed && at.since(*resumed) < LEASE / 10;
            !self.replicas[*replica].resumed.iter().any(after)
        });
        let turns = polls.chunk_by(|(_, one), (_, other)| one == other).count();
        let leases = self.epoch();
        assert!(turns <= leases, "{turns} turns in {leases} leases\n{}", self.logged());
    }

    /// How often the lease was taken.
    pub(crate) fn epoch(&self) -> usize {
        let sql = "SELECT coalesce(max(epoch), 0) FROM restore_watch.clusters";
        self.server.psql(&self.database, sql).parse().expect("a number")
    }

    /// Fails if a session of the program is in a transaction and waits for its client, which would
    /// hold locks.
    #[track_caller]
    pub(crate) fn no_session_is_left_in_a_transaction(&self) {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = '{}' AND usename = '{ROLE}' AND state LIKE 'idle in transaction%'",
            self.database
        );
        assert_eq!(self.server.psql("postgres", &sql), "0");
    }

    /// Ends all of them in order, at once, so that none of them takes over.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.until("each one's first look", |cluster| {
            cluster.replicas.iter().filter(|replica| replica.is_up()).all(Replica::has_looked)
        });
        self.replicas.iter_mut().for_each(Replica::ask_to_stop);
        self.replicas.iter_mut().for_each(|replica| replica.finish(0));
    }

    /// What all of them logged, for the message of a failure.
    pub(crate) fn logged(&self) -> String {
        let of = |replica: &Replica| format!("--- {}\n{}", replica.name, replica.logged());
        self.replicas.iter().map(of).collect()
    }
}

impl Replica {
    fn new(
        server: &PostgresServer,
        database: &str,
        plane: SocketAddr,
        text: &str,
        name: &str,
        folder: &Folder,
    ) -> Self {
        let (to_database, to_api) = (PostgresProxy::start(server), ApiProxy::start(plane));
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
        let of_state = format!(
            "[state]\npostgres = {{ env = \"POSTGRES\" }}\n[cluster]\nreplica = \"{name}\"\nlease = \"{}s\"\n",
            LEASE.as_secs()
        );
        let config = folder.write(&format!("{name}.toml"), format!("{text}\n{of_state}"));
        let variables = [
            ("POSTGRES", to_database.url(database)),
            ("http_proxy", to_api.url()),
            ("KEY", KEY.to_owned()),
            ("RUNTIME_DIRECTORY", folder.path().join(name).display().to_string()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self {
            name: name.to_owned(),
            to_database,
            to_api,
            variables,
            config,
            process: None,
            resumed: Vec::new(),
            logged: String::new(),
        }
    }

    /// Starts it, unless it runs.
    pub(crate) fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same with further variables.
    pub(crate) fn start_with(&mut self, further: &[(&str, &str)]) {
        if self.process.is_some() {
            return;
        }
        let variables = self.variables.iter().map(|(name, value)| (&**name, &**value));
        let variables = variables.chain(further.iter().copied());
        let watch = Watch::new(["run", "--config", &self.config]);
        let process = variables.fold(watch, |watch, (name, value)| watch.env(name, value)).start();
        secrets::none_in_arguments(process.id());
        self.process = Some(process);
    }

    /// Changes its configuration.
    pub(crate) fn rewrite(&self, change: impl FnOnce(&str) -> String) {
        let text = std::fs::read_to_string(&self.config).expect("a configuration");
        std::fs::write(&self.config, change(&text)).expect("a file");
    }

    pub(crate) fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// The id of its process, if it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Running::id)
    }

    /// Whether its process was started and has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ends_within(Duration::ZERO))
    }

    /// Whether its process has looked at the lease.
    fn has_looked(&self) -> bool {
        self.process.as_ref().is_some_and(|process| shows_a_look(&process.stderr()))
    }

    /// Whether its process stopped itself at a failpoint.
    pub(crate) fn is_stopped(&self) -> bool {
        let Some(process) = self.id() else { return false };
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('T'))
    }

    /// Kills it, if it runs.
    pub(crate) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            self.ended(&process.kill());
        }
    }

    /// Asks it to stop.
    pub(crate) fn ask_to_stop(&mut self) {
        if let Some(process) = &mut self.process {
            process.signal("TERM");
        }
    }

    /// Stops it, if it runs, and waits for its end.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.ask_to_stop();
        self.finish(0);
    }

    /// Waits for its end with this exit code, if it runs.
    #[track_caller]
    pub(crate) fn finish(&mut self, code: i32) {
        if self.is_up() {
            self.end().expect(code);
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Done {
        let done = self.process.take().expect("a process").finish();
        self.ended(&done);
        done
    }

    pub(crate) fn pause(&mut self) {
        self.signal("STOP");
    }

    pub(crate) fn resume(&mut self) {
        self.resumed.push(CLOCK.now().instant);
        self.signal("CONT");
    }

    pub(crate) fn signal(&mut self, name: &str) {
        if let Some(process) = &mut self.process {
            process.signal(name);
        }
    }

    /// Has its way to the database and to the control plane behave like this.
    pub(crate) fn set(&self, network: Network) {
        self.to_database.set(network);
        self.to_api.set(network);
    }

    /// What its processes logged.
    pub(crate) fn logged(&self) -> String {
        let running = self.process.as_ref().map(Running::stderr).unwrap_or_default();
        format!("{}{running}", self.logged)
    }

    /// Runs a command against it.
    pub(crate) fn ask(&self, words: &[&str]) -> Done {
        self.asking(words).run()
    }

    /// A command against it, to start.
    pub(crate) fn asking(&self, words: &[&str]) -> Watch {
        let runtime = self.variables.iter().find(|(name, _)| name == "RUNTIME_DIRECTORY");
        let (_, runtime) = runtime.expect("a folder");
        Watch::new(words).env("RESTORE_WATCH_SOCKET", &format!("{runtime}/control.sock"))
    }

    /// A command with its configuration, to start.
    pub(crate) fn administering(&self, words: &[&str]) -> Watch {
        let watch = Watch::new(words.iter().copied().chain(["--config", &self.config]));
        self.variables.iter().fold(watch, |watch, (name, value)| watch.env(name, value))
    }

    /// `active` or `standby`, as it says itself; none while it does not answer.
    pub(crate) fn role(&self) -> Option<String> {
        let done = self.ask(&["status", "--output", "json"]);
        let status: serde_json::Value = serde_json::from_str(&done.stdout).ok()?;
        Some(status["cluster"]["role"].as_str()?.to_owned())
    }

    fn ended(&mut self, done: &Done) {
        secrets::none_in("standard output", done.stdout.as_bytes());
        secrets::none_in("standard error", done.stderr.as_bytes());
        self.logged.push_str(&done.stderr);
    }
}

/// Whether a process that was asked to stop ended as it must: one that was interrupted at its start
/// has done nothing, and says so.
pub(crate) fn is_end_by_request(done: &Done) -> bool {
    done.code == Some(0) || !shows_a_look(&done.stderr)
}

fn shows_a_look(logged: &str) -> bool {
    LOOKED.iter().any(|line| logged.contains(line))
}

/// The table of the one project of a configuration, whose jobs are polled as fast as possible.
pub(crate) fn project(jobs: &[&str]) -> String {
    format!(
        "[[project]]\nname = \"one\"\napi_key = {{ env = \"KEY\" }}\njobs = {jobs:?}\n\
         [project.api]\nendpoint = \"{ENDPOINT}\"\nallow_http = true\nrequests_per_second = 200\nburst = 50\n\
         [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n"
    )
}
