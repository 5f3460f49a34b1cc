//! `restore-watch run`

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tracing::{info, warn};

use super::start::{
    READING, block_on, cannot_listen, check_threads, listen, no_thread, stopped, unless_stopped,
};
use super::state::check_address;
use super::values::parse_listen_address;
use super::{Done, Failure, listener};
use crate::adapters::control::{self, BindError, Server};
use crate::adapters::metrics::Counters;
use crate::adapters::report::{Reader, Readers};
use crate::adapters::store::{self, Backend, LateReader, OpenError, OpenErrorClass, Replica};
use crate::adapters::systemd::Notifier;
use crate::adapters::telemetry::{self, Stream, Style};
use crate::adapters::web;
use crate::app::daemon::{self, Cluster, Loaded, Options};
use crate::app::driver::{Driver, State};
use crate::app::setup::Setup;
use crate::config::{self, HttpSettings, ListenAddress, Settings, StateSettings};
use crate::model::Exit;
use crate::platform::clock::Clock;
use crate::platform::process;
use crate::platform::signals::{Hangups, Signals};

/// How long opening the state may take, for a service manager that would give up.
const OPENING: Duration = Duration::from_mins(10);

/// Run the daemon: watch restore jobs and send their events to sinks
///
/// It runs until it is stopped, or with --exit-when-done until every job ended. The configuration
/// file names the projects, their jobs and the sinks.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The configuration file
    ///
    /// By default it is `$RESTORE_WATCH_CONFIG`, else restore-watch/config.toml in
    /// `$XDG_CONFIG_HOME` (or ~/.config), else in /etc.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// End when every job has ended and every event is delivered
    ///
    /// The exit code is the outcome: it ends with 0 when all completed, 1 when one failed or was
    /// cancelled, 6 when one ended in an unknown state.
    #[arg(long)]
    exit_when_done: bool,

    /// Where to create the control socket, which other commands use
    ///
    /// By default it is control.sock in `$RUNTIME_DIRECTORY`, else restore-watch/control.sock in
    /// `$XDG_RUNTIME_DIR`, else there is none.
    #[arg(long, value_name = "PATH", env = "RESTORE_WATCH_SOCKET")]
    socket: Option<PathBuf>,

    /// Serve health, metrics and the status page at this address, as 127.0.0.1:9115 or unix:PATH
    ///
    /// It overrides `listen` in the configuration, and can be given several times.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen_address)]
    http: Vec<ListenAddress>,

    /// Rename a state that cannot be used, and start with a new one
    ///
    /// Jobs that ended are reported again, and deliveries that were pending are lost.
    #[arg(long)]
    set_state_aside: bool,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    process::keep_files_from_programs();
    process::keep_files_private();
    process::allow_many_files();
    block_on(async {
        // First of all: until then, a request to reload ends the process, and systemd takes that
        // for a good end.
        let mut signals = listen()?;
        // One that belongs to a terminal ends with it.
        let hangups = if std::io::stdin().is_terminal() {
            None
        } else {
            Some(Hangups::listen().map_err(cannot_listen)?)
        };

        let named = args.config.clone();
        let reading = move || read(named.as_deref());
        let (path, settings) = unless_stopped(&mut signals, "reading the configuration", reading).await?;

        // The log is a sink, and polling never waits for a sink.
        let style = Style { stream: Stream::Detached, ..Style::usual(settings.log_format()) };
        let _logging = telemetry::init(style, "info").map_err(no_thread)?;
        let clock = Clock::system();
        let place = settings.state.clone();
        if args.set_state_aside && place.database().is_some() {
            return Err(no_file_to_set_aside(&place));
        }
        let backend = backend(&place)?;
        let socket = control::server_path(args.socket.as_deref());
        let http = listener::settings(&args.http, &settings.http, socket.as_deref())?;
        let loading = move || {
            check_address(&settings.state)?;
            Ok(Loaded::new(settings)?)
        };
        let loaded = unless_stopped(&mut signals, READING, loading).await?;
        let Loaded { setup, monitor, token, drain_timeout, fixed, warnings } = loaded;
        for warning in warnings {
            warn!("{warning}");
        }

        let mut manager = Notifier::from_environment();
        // A large state is looked through from end to end.
        manager.extend_timeout(OPENING);
        let options = Options {
            exit_when_done: args.exit_when_done,
            drain_timeout,
            config: Some((path, fixed)),
            state: Some(backend.location()),
            monitor,
            control: None,
            web: None,
            manager,
            hangups,
        };
        let start = Start { args, setup, options, http, token, clock };

        let exit = match backend.replica(clock) {
            None => run_alone(backend, start, &mut signals).await?,
            Some(replica) => run_replica(backend, replica, start, &mut signals).await?,
        };
        Ok(Done::Exit(exit))
    })
}

/// What a daemon begins with, before its state is opened.
struct Start<'a> {
    args: &'a Args,
    setup: Setup,
    /// Without the control socket and the listener, which read the state.
    options: Options,
    http: HttpSettings,
    token: Option<web::Token>,
    clock: Clock,
}

/// Makes a reader of the state.
type Read<'a> = &'a dyn Fn() -> Result<Box<dyn Reader>, OpenError>;

impl Start<'_> {
    /// Makes the control socket and the listener.
    fn listen(&mut self, read: Read<'_>) -> Result<(), Failure> {
        self.options.control = control(self.args.socket.as_deref(), read)?;
        self.options.web = listener::serve(self.http.clone(), self.token.take(), read, self.clock)?;
        Ok(())
    }
}

/// Runs with a state that belongs to this process.
async fn run_alone(
    backend: Box<dyn Backend>,
    mut start: Start<'_>,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let (clock, set_aside) = (start.clock, start.args.set_state_aside);
    let set_aside = set_aside.then(|| clock.now().wall);
    let opening = move || Ok(State::opened(backend.open(set_aside)?, backend.location()));
    let state = unless_stopped(signals, "opening the state", opening).await?;
    // Beside the threads that stay, there must be one for look-ups.
    check_threads()?;

    start.listen(&|| state.store.reader())?;
    let Start { setup, options, .. } = start;
    let reader = options.web.as_ref().map(|_| state.store.reader()).transpose()?;
    let mut driver = Driver::new(setup, state, clock);
    // Dropped before the driver, which waits for the readers of its state.
    let options = options;
    if let Some(reader) = reader {
        driver.continue_counters(counted(reader, signals).await?);
    }

    Ok(daemon::run(driver, options, signals).await?)
}

/// Runs with a state that replicas share.
async fn run_replica(
    backend: Box<dyn Backend>,
    mut replica: Box<dyn Replica>,
    mut start: Start<'_>,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    replica.configure(&start.setup.fingerprint());
    let first = tokio::select! {
        biased;
        exit = signals.next() => {
            replica.leave().await;
            return Err(stopped(exit, "opening the state"));
        }
        first = replica.look() => first,
    };
    // What only a person mends ends a start, but nothing later. A database may come up later.
    if let Err(error) = &first
        && error.class != OpenErrorClass::Unreachable
    {
        return Err(error.clone().into());
    }

    let backend: Arc<dyn Backend> = Arc::from(backend);
    let reader =
        || -> Result<Box<dyn Reader>, OpenError> { Ok(Box::new(LateReader::of(Arc::clone(&backend)))) };
    if let Err(failure) = check_threads().and_then(|()| start.listen(&reader)) {
        replica.leave().await;
        return Err(failure);
    }
    let Start { setup, options, clock, .. } = start;
    let cluster = Cluster::new(Arc::clone(&backend), replica, first, setup, clock);
    Ok(daemon::run_replica(cluster, options, signals).await?)
}

/// The file of the configuration, with its absolute path, which messages show.
fn read(named: Option<&Path>) -> Result<(PathBuf, Settings), Failure> {
    let path = config::locate(named)?;
    let path = std::path::absolute(&path).unwrap_or(path);
    let settings = config::load(&path)?;
    Ok((path, settings))
}

/// A state in a database has no file; the name of its cluster identifies it.
fn no_file_to_set_aside(state: &StateSettings) -> Failure {
    let name = state.database().map_or("default", |database| &database.cluster.name);
    let fault = "--set-state-aside renames the file of a state, and this one is in a database";
    Failure::usage(fault).with_help(format!(
        "to start with an empty state, give the cluster another name, such as name = \"{name}-2\" in [cluster]; the state \
         of {name} stays as it is"
    ))
}

/// Makes the control socket, if there is a place for it. A failure is an error only if the place
/// was named: the watch is worth more.
fn control(explicit: Option<&Path>, read: Read<'_>) -> Result<Option<Server>, Failure> {
    let Some(path) = control::server_path(explicit) else {
        info!(
            "no control socket: there is no RUNTIME_DIRECTORY or XDG_RUNTIME_DIR; name a place with --socket"
        );
        return Ok(None);
    };
    match Server::bind(&path, Readers::new(read()?)) {
        Ok(server) => Ok(Some(server)),
        Err(error) if explicit.is_none() => {
            warn!("going on without a control socket: {error}; to give it another place: --socket");
            Ok(None)
        }
        // As with a state that another process uses: it may end.
        Err(error @ BindError::InUse(_)) => Err(Failure::new(Exit::State, error.to_string())
            .with_help("stop that process first, or give this one another place with --socket")),
        Err(error) => {
            Err(Failure::new(Exit::Config, error.to_string())
                .with_help("give it another place with --socket"))
        }
    }
}

/// The counters as the state has them; they begin at 0 if that cannot be read.
async fn counted(mut reader: Box<dyn Reader>, signals: &mut Signals) -> Result<Counters, Failure> {
    let totals = unless_stopped(signals, "reading the state", move || Ok(reader.totals())).await?;
    Ok(totals.map_or_else(
        |error| {
            warn!("metrics begin at 0: {error}");
            Counters::default()
        },
        Counters::continuing,
    ))
}

/// The place of the state.
fn backend(settings: &StateSettings) -> Result<Box<dyn Backend>, Failure> {
    store::backend(settings).ok_or_else(|| {
        Failure::new(Exit::Config, "there is no place for the state: neither STATE_DIRECTORY nor HOME is set")
            .with_help("write [state] path = \"/var/lib/restore-watch/state.db\"")
    })
}
