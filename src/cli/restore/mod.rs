//! `restore-watch restore`
//!
//! Invariant: all that can fail on this side is checked before the request that starts the restore.

mod dry_run;
mod failure;
mod tag;

use std::sync::Arc;

use clap::Parser;
use serde::Serialize;

use super::start::{READING, unless_stopped};
use super::wait::{Chosen, OutputForm, Session, WaitOptions};
use super::{Done, Failure, ci, examples, wait};
use crate::adapters::pinecone::create_index::{IndexCreator, Started};
use crate::app::restore::{Begun, Known, Limits, NotBegun, Order, Starter};
use crate::app::setup::Setup;
use crate::app::wait::{Progress, line};
use crate::config::{ApiSettings, ProjectSettings, StateSettings};
use crate::engine::Condition;
use crate::engine::token_bucket::TokenBucket;
use crate::model::{BackupId, IndexName, NewIndex};
use crate::platform::clock::Clock;
use crate::platform::failpoint;
use crate::platform::locale;
use crate::platform::output::Output;

use tag::Tag;

/// Restore a backup into a new index, and wait until that ends
///
/// Starts the restore, prints the id of its job, and goes on as `restore-watch wait` does. A wait
/// that is cut short goes on with `restore-watch wait JOB_ID`; `--output json` and `ndjson` have
/// the id as `restore_job_id` in their first line.
///
/// The request that starts the restore is sent once. If its answer is lost (a timeout, a cut
/// connection, a server error), or if an index of that name exists already, this command looks
/// whether the restore was started: by the backup that the index was made of (API version
/// 2026-07), or in the list of restore jobs. So the same command can be run again after it was
/// killed. If that stays unknown, it exits with 7.
///
/// The API key must be allowed to create indexes (`ControlPlaneEditor`). No other command changes
/// anything at Pinecone.
#[derive(Debug, Parser)]
#[command(after_long_help = after_long_help())]
pub(super) struct Args {
    /// Id of the backup
    #[arg(value_name = "BACKUP_ID", value_parser = BackupId::parse)]
    backup: BackupId,

    /// Name of the index to make
    #[arg(long, value_name = "INDEX", help_heading = RESTORE)]
    name: IndexName,

    /// A tag of the index, such as team=search
    ///
    /// Can be given several times. Without any, the index has the tags of the backup.
    #[arg(long = "tag", value_name = "KEY=VALUE", help_heading = RESTORE)]
    tags: Vec<Tag>,

    /// Protect the index from being deleted
    #[arg(long, help_heading = RESTORE)]
    deletion_protection: bool,

    /// Wait until the backup is ready, instead of failing if it is not
    #[arg(long, help_heading = RESTORE)]
    wait_backup: bool,

    /// Print the request instead of sending it, without the API key
    #[arg(long, help_heading = RESTORE)]
    dry_run: bool,

    #[command(flatten)]
    options: WaitOptions,
}

const RESTORE: &str = "What to restore";

/// What `--help` ends with.
fn after_long_help() -> String {
    format!("{}\n{}", wait::exit_codes_of_restore(), examples::of("restore").unwrap_or_default())
}

pub(super) fn run(args: Args) -> Result<Done, Failure> {
    let index = args.index()?;
    let args = Arc::new(args);
    if args.dry_run {
        return dry_run::run(&args, &index);
    }
    wait::wait_for(&args.options, async |session| start(&args, index, session).await)
}

/// Starts the restore; its job is what is waited for.
async fn start(args: &Arc<Args>, index: NewIndex, session: &mut Session) -> Result<Chosen, Failure> {
    let clock = Clock::system();
    let ends_at = args.options.timeout.map(|timeout| clock.now().instant + timeout);
    let (project, mut setup) = prepare(args, session).await?;
    let creator = IndexCreator::new(setup.only_client().ok_or_else(no_client)?);
    let limits = Limits {
        ends_at,
        not_found_grace: project.watch.not_found_grace,
        unreachable_after: project.watch.unreachable_after,
    };
    let order = Order { backup: args.backup.clone(), index, waits_for_backup: args.wait_backup, limits };

    let restore = match begin(args, &creator, &order, &project.api, clock, session).await {
        Ok(restore) => restore,
        Err(not_begun) => {
            let (failure, ending) = failure::of(&not_begun, args, creator.client());
            ci::settle(&session.streams.data).await;
            ci::conclude(session.environment, ending, &session.streams.people).await;
            return Err(failure);
        }
    };

    setup.add_job(restore.job);
    Ok(Chosen {
        setup,
        condition: Condition::All { fail_fast: false },
        timeout: ends_at.map(|end| end.since(clock.now().instant)),
        selection: Vec::new(),
        names_jobs: true,
        nothing_found: None,
    })
}

/// Reads all that the restore and its wait need.
async fn prepare(args: &Arc<Args>, session: &mut Session) -> Result<(ProjectSettings, Setup), Failure> {
    let (words, environment) = (Arc::clone(args), session.environment);
    let prepared = unless_stopped(&mut session.signals, READING, move || {
        let project = words.project_settings()?;
        let setup = Setup::new(vec![project.clone()], &words.options.sinks()?, StateSettings::KEEP);
        Ok((project, setup.inspect_err(|errors| ci::annotate(environment, errors))?))
    });
    prepared.await
}

/// Starts the restore, or finds it, and says which job it is as soon as that is known.
async fn begin(
    args: &Args,
    creator: &IndexCreator,
    order: &Order,
    api: &ApiSettings,
    clock: Clock,
    session: &mut Session,
) -> Result<Started, NotBegun> {
    let Session { signals, environment, streams } = session;
    let progress = args.options.progress(environment.is_pipeline());
    let say = |text: &str| match progress {
        Progress::Live(_) => streams.people.write(format!("{}\n", locale::shown(text))),
        Progress::Plain { .. } => streams.people.write(line(clock.now(), text)),
        Progress::Silent => {}
    };
    let token_bucket = TokenBucket::new(api.requests_per_second, api.burst);
    let mut starter = Starter::new(creator, order, token_bucket, clock, &say);

    let begun = starter.begin(signals).await;
    let known = match &begun {
        Ok(Begun { restore, is_found }) => Some((restore, *is_found)),
        Err(NotBegun::Stopped { known: Known::Started(restore), .. }) => Some((restore, false)),
        Err(_) => None,
    };
    if let Some((restore, is_found)) = known {
        announce(args, restore, &streams.data);
        let (how, when) = if is_found { ("found", ", which was started before") } else { ("started", "") };
        let Args { backup, name, .. } = args;
        say(&format!("{how} restore {} of backup {backup} into index {name}{when}", restore.job));
    }

    let restore = begun?.restore;
    starter.rest(&restore, signals).await?;
    Ok(restore)
}

/// Prints the id of the job, so that a wait that is killed can go on.
fn announce(args: &Args, restore: &Started, data: &Output) {
    failpoint::reached("before_restore_is_announced");
    if args.options.output != OutputForm::Human {
        let first = FirstLine {
            restore_job_id: restore.job.as_str(),
            index_id: restore.index_id.as_deref(),
            backup_id: args.backup.as_str(),
            target_index_name: args.name.as_str(),
        };
        data.write(format!("{}\n", serde_json::to_string(&first).unwrap_or_default()));
    }
}

/// The first line of `--output json` and `ndjson`, in the words of the API.
#[derive(Serialize)]
struct FirstLine<'a> {
    restore_job_id: &'a str,
    index_id: Option<&'a str>,
    backup_id: &'a str,
    target_index_name: &'a str,
}

fn no_client() -> Failure {
    Failure::internal("no client was built")
}

impl Args {
    /// The index to make.
    fn index(&self) -> Result<NewIndex, Failure> {
        Ok(NewIndex {
            name: self.name.clone(),
            tags: tag::all(&self.tags)?,
            deletion_protection: self.deletion_protection,
        })
    }

    /// The project of the backup, without any job.
    fn project_settings(&self) -> Result<ProjectSettings, Failure> {
        let mut project = self.options.project.choose()?;
        project.jobs.clear();
        project.discover = None;
        self.options.apply(&mut project)?;
        Ok(project)
    }
}
