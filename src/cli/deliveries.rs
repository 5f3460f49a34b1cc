//! `restore-watch deliveries`

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::output::{Output, print};
use super::{Done, Failure, ids, table};
use crate::adapters::store::{self, DeliveryAdmin, DeliveryFilter, DeliveryRow, OpenErrorClass};
use crate::config::{self, StateSettings};
use crate::model::time::{Now, wall_between};
use crate::model::{DeliveryState, EventId, Exit, duration};
use crate::platform::clock::Clock;

/// List pending deliveries and dead letters; retry or drop them
///
/// Works with and without a running daemon, which follows a change within seconds. Without a
/// subcommand it lists. Exits with 74 if the state cannot be used.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(List),
    /// Try deliveries again; dead letters start with their first attempt
    ///
    /// An event that was delivered is not sent again. Its id and body do not change.
    Retry(Change),
    /// Give up deliveries for good
    Drop(Change),
}

/// List deliveries, the oldest first
///
/// Lists pending deliveries and dead letters, unless another state is asked for.
#[derive(Debug, clap::Args)]
struct List {
    /// Only deliveries in this state; can be given several times
    #[arg(long, value_enum, value_name = "STATE", conflicts_with = "all")]
    state: Vec<DeliveryState>,

    /// Deliveries in every state
    #[arg(long)]
    all: bool,

    /// Only those of this event
    #[arg(long, value_name = "ID")]
    id: Option<EventId>,

    #[command(flatten)]
    filter: FilterArgs,

    /// At most this many, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,

    /// The form of the list
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    #[command(flatten)]
    place: Place,
}

/// Which deliveries are to be changed.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(false).args(["ids", "dead", "every"])))]
struct Change {
    /// The ids of the events, as `list` shows them
    #[arg(value_name = "ID")]
    ids: Vec<EventId>,

    /// All dead letters
    #[arg(long)]
    dead: bool,

    /// All pending deliveries and dead letters
    #[arg(long = "all")]
    every: bool,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    place: Place,
}

/// Narrows what is meant.
#[derive(Debug, clap::Args)]
struct FilterArgs {
    /// Only those to this sink
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,

    /// Only those of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// Only those of this restore job
    #[arg(long, value_name = "JOB_ID")]
    job: Option<String>,
}

/// Where the state is.
#[derive(Debug, clap::Args)]
struct Place {
    /// The configuration file that names the state [default: the one that `run` would use]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The state file, such as /var/lib/restore-watch/state.db [default: as configured]
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    state_file: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> Result<Done, Failure> {
    match args.action {
        None => list(&args.list),
        Some(Action::List(args)) => list(&args),
        Some(Action::Retry(args)) => retry(&args),
        Some(Action::Drop(args)) => drop_them(&args),
    }
}

fn list(args: &List) -> Result<Done, Failure> {
    let deliveries = args.place.open()?;
    let states = match (&args.state[..], args.all || args.id.is_some()) {
        ([], true) => Vec::new(),
        ([], false) => vec![DeliveryState::Pending, DeliveryState::Dead],
        (some, _) => some.to_vec(),
    };
    let filter = DeliveryFilter { states, id: args.id, ..args.filter.filter() };
    // One more than is shown says whether there are more.
    let mut rows = deliveries.list(&filter, args.limit.saturating_add(1))?;
    let left_out = rows.len() > args.limit;
    if left_out {
        rows.remove(0);
    }
    match args.output {
        Output::Human => print(&human(&rows, Clock::system().now()))?,
        Output::Json => print(&format!("{}\n", serde_json::to_string(&rows).unwrap_or_default()))?,
    }
    if left_out {
        note(&format!("there are older ones; --limit shows more than {}", args.limit));
    }
    Ok(Done::Exit(Exit::Success))
}

fn human(rows: &[DeliveryRow], now: Now) -> String {
    if rows.is_empty() {
        return "no such deliveries\n".to_owned();
    }
    let cells = |row: &DeliveryRow| {
        let next = match row.next_attempt.map(|at| wall_between(now.wall.max(row.changed_at), at)) {
            None => "-".to_owned(),
            Some(wait) if wait.is_zero() => "now".to_owned(),
            Some(wait) => format!("in {}", duration::human(wait)),
        };
        [
            row.id.to_string(),
            row.sink.clone(),
            row.state.to_string(),
            row.kind.to_string(),
            row.job.clone().unwrap_or_else(|| format!("project {}", row.project)),
            duration::human(wall_between(row.timestamp, now.wall)),
            row.attempts.to_string(),
            next,
            row.reason.clone().unwrap_or_default(),
        ]
    };
    let heading = ["ID", "SINK", "STATE", "EVENT", "JOB", "AGE", "ATTEMPTS", "NEXT", "LAST ERROR"];
    table::fitted(&table::table(heading, &rows.iter().map(cells).collect::<Vec<_>>()))
}

fn retry(args: &Change) -> Result<Done, Failure> {
    let mut deliveries = args.place.open()?;
    let meant = args.meant(&*deliveries, &|row| match row.state {
        DeliveryState::Delivered => {
            Err(format!("was delivered at {:.0}; there is nothing to retry", row.changed_at))
        }
        _ => Ok(()),
    })?;
    let now = Clock::system().now().wall;
    let sinks = sinks(&*deliveries, &meant)?;
    let disabled = deliveries.disabled_sinks()?;
    let is_disabled = |name: &String| disabled.iter().any(|(sink, _)| sink.as_str() == name);
    if !sinks.is_empty() && sinks.iter().all(is_disabled) {
        let why = disabled.iter().find(|(sink, _)| sinks.contains(sink.as_str()));
        let why = why.map(|(sink, why)| format!("the sink {sink} is disabled: {why}")).unwrap_or_default();
        return Err(Failure::new(Exit::Failed, why)
            .with_help("change its configuration and start the daemon again; then retry what was given up"));
    }
    for (sink, why) in disabled.iter().filter(|(sink, _)| sinks.contains(sink.as_str())) {
        note(&format!(
            "the sink {sink} is disabled: {why}; what is pending for it is given up again until its configuration changes"
        ));
    }
    let mut count = 0;
    for filter in &meant {
        count += deliveries.retry(filter, now)?;
    }
    let who = match deliveries.daemon() {
        Some(daemon) => match &daemon.name {
            Some(name) => format!("by the running daemon ({name}), within seconds"),
            None => "by the running daemon, within seconds".to_owned(),
        },
        None => "once a daemon runs".to_owned(),
    };
    print(&match count {
        0 => "no deliveries to retry\n".to_owned(),
        count => format!("deliveries to be tried again {who}: {count}\n"),
    })?;
    Ok(Done::Exit(Exit::Success))
}

fn drop_them(args: &Change) -> Result<Done, Failure> {
    let mut deliveries = args.place.open()?;
    let meant = args.meant(&*deliveries, &|row| match row.state {
        DeliveryState::Delivered => {
            Err(format!("was delivered at {:.0}; it cannot be taken back", row.changed_at))
        }
        _ => Ok(()),
    })?;
    let now = Clock::system().now().wall;
    let mut count = 0;
    for filter in &meant {
        count += deliveries.discard(filter, now)?;
    }
    print(&match count {
        0 => "no deliveries to drop\n".to_owned(),
        count => format!("deliveries dropped: {count}\n"),
    })?;
    Ok(Done::Exit(Exit::Success))
}

impl Change {
    /// What is meant, as filters. Fails where an id is not known, or where `fits` refuses all that
    /// it stands for.
    fn meant(
        &self,
        deliveries: &dyn DeliveryAdmin,
        fits: &dyn Fn(&DeliveryRow) -> Result<(), String>,
    ) -> Result<Vec<DeliveryFilter>, Failure> {
        if self.ids.is_empty() {
            let states = if self.every {
                vec![DeliveryState::Pending, DeliveryState::Dead]
            } else {
                vec![DeliveryState::Dead]
            };
            return Ok(vec![DeliveryFilter { states, ..self.filter.filter() }]);
        }
        let filters: Vec<_> =
            self.ids.iter().map(|id| DeliveryFilter { id: Some(*id), ..self.filter.filter() }).collect();
        for (id, filter) in self.ids.iter().zip(&filters) {
            let rows = deliveries.list(filter, usize::MAX)?;
            let refused: Vec<_> = rows.iter().filter_map(|row| fits(row).err()).collect();
            if let Some(why) = refused.first().filter(|_| refused.len() == rows.len()) {
                return Err(Failure::new(Exit::Failed, format!("the delivery {id} {why}")));
            }
            if rows.is_empty() {
                return Err(Failure::new(Exit::Failed, format!("there is no delivery {id}"))
                    .with_help("`restore-watch deliveries list --all` shows the ids of all that is known"));
            }
        }
        Ok(filters)
    }
}

/// The recipients of the deliveries that are meant.
fn sinks(deliveries: &dyn DeliveryAdmin, meant: &[DeliveryFilter]) -> Result<BTreeSet<String>, Failure> {
    let mut sinks = BTreeSet::new();
    for filter in meant {
        let rows = deliveries.list(filter, usize::MAX)?;
        sinks
            .extend(rows.into_iter().filter(|row| row.state != DeliveryState::Delivered).map(|row| row.sink));
    }
    Ok(sinks)
}

impl FilterArgs {
    fn filter(&self) -> DeliveryFilter {
        let Self { sink, project, job } = self;
        let job = job.as_deref().map(ids::chosen);
        DeliveryFilter { sink: sink.clone(), project: project.clone(), job, ..DeliveryFilter::default() }
    }
}

impl Place {
    /// Opens the state: the one that is named, else that of the configuration, else the usual one.
    fn open(&self) -> Result<Box<dyn DeliveryAdmin>, Failure> {
        let settings = match &self.state_file {
            Some(path) => StateSettings { path: Some(path.clone()), keep: StateSettings::KEEP },
            None => config::state(self.config.as_deref())?,
        };
        let backend = store::backend(&settings).ok_or_else(|| {
            Failure::new(Exit::State, "there is no usual place for a state: HOME is not set")
                .with_help("name the state with --state-file, or the configuration with --config")
        })?;
        backend.administer().map_err(|error| match error.class {
            OpenErrorClass::Missing => Failure::new(error.exit(), error.to_string()).with_help(
                "name the state with --state-file (that of the system service is \
                 /var/lib/restore-watch/state.db), or the configuration with --config",
            ),
            OpenErrorClass::System | OpenErrorClass::Unusable => error.into(),
        })
    }
}

/// Says something on standard error.
fn note(text: &str) {
    use std::io::Write as _;

    // There is nowhere left to say that this failed.
    _ = writeln!(std::io::stderr(), "restore-watch: {text}");
}
