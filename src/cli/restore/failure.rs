//! Why no restore is waited for, in words: what happened, and what to do.
//!
//! Invariant: each text says whether anything was started, as far as that is known.

use super::Args;
use crate::adapters::ci::Ending;
use crate::adapters::pinecone::{Client, Error};
use crate::app::restore::{Known, NotBegun, Unclear, without_stop};
use crate::app::wait::{Again, resume_command};
use crate::cli::Failure;
use crate::engine::FailureClass;
use crate::model::{Exit, JobId};
use crate::platform::shell;

/// The failure, and its report to the host of a pipeline.
pub(super) fn of(not_begun: &NotBegun, args: &Args, client: &Client) -> (Failure, Ending) {
    let failure = in_words(not_begun, args, client);
    let resume = match not_begun {
        NotBegun::Stopped { known: Known::Started(restore), .. } => Some(args.go_on(&restore.job)),
        _ => None,
    };
    let exit = failure.exit();
    let meaning = match exit {
        Exit::Failed => "the API refused to start the restore",
        Exit::NotFound => "there is no such backup",
        exit => exit.meaning(),
    };
    let ending = Ending {
        outcome: exit.word().unwrap_or("error"),
        exit_code: exit.code(),
        meaning,
        cut_short: exit.is_signal(),
        resume,
        jobs: Vec::new(),
        json: "[]".to_owned(),
    };
    (failure, ending)
}

fn in_words(not_begun: &NotBegun, args: &Args, client: &Client) -> Failure {
    let what = format!("backup {} into index {}", args.backup, args.name);
    match not_begun {
        NotBegun::Refused(error) => {
            let failure = Failure::new(exit_of(error), nothing(&format!("cannot restore {what}"), error));
            advice(error, client).into_iter().fold(failure, Failure::with_help)
        }
        NotBegun::Unreachable(error) | NotBegun::TimedOut(error) => {
            let is_over = matches!(not_begun, NotBegun::TimedOut(_));
            let exit = if is_over { Exit::Timeout } else { Exit::Unreachable };
            let failure = Failure::new(exit, nothing(&format!("cannot restore {what} in time"), error));
            client.advice(error).into_iter().fold(failure, Failure::with_help)
        }
        NotBegun::NameTaken { source } => {
            let source = source.as_ref().map_or("no backup".to_owned(), |source| format!("backup {source}"));
            let message = format!(
                "cannot restore {what}: there is an index {} already, made of {source}; nothing was started",
                args.name
            );
            Failure::new(Exit::Failed, message).with_help("choose another --name, or delete that index first")
        }
        NotBegun::BackupFailed(status) | NotBegun::BackupLate(status) => {
            let exit =
                if matches!(not_begun, NotBegun::BackupLate(_)) { Exit::Timeout } else { Exit::Failed };
            let message = format!("cannot restore {what}: the backup is {status}; nothing was started");
            Failure::new(exit, message).with_help("https://app.pinecone.io shows the backups of a project")
        }
        NotBegun::Unclear(unclear) => doubtful(args, Exit::Ambiguous, reason(unclear, args)),
        NotBegun::Stopped { exit, known } => match known {
            Known::Nothing => Failure::new(*exit, format!("{}; nothing was started", exit.meaning())),
            Known::Started(restore) => {
                Failure::new(*exit, format!("{}; the restore goes on", exit.meaning()))
                    .with_help(format!("to wait for it: {}", args.go_on(&restore.job)))
            }
            Known::Unclear => {
                let message = format!("{}; whether the restore was started is not known", exit.meaning());
                doubtful(args, *exit, message)
            }
        },
    }
}

/// What happened, and that it started nothing.
fn nothing(what: &str, error: &Error) -> String {
    format!("{what}: {}; nothing was started", without_stop(error))
}

/// The exit code of a request that was refused.
fn exit_of(error: &Error) -> Exit {
    match (error, error.class()) {
        (Error::Status { status, .. }, _) => match status.as_u16() {
            401 | 403 => Exit::Unauthorized,
            404 => Exit::NotFound,
            300..=399 => Exit::Unreachable,
            _ => Exit::Failed,
        },
        (_, FailureClass::Misconfigured | FailureClass::WrongProtocol) => Exit::Config,
        _ => Exit::Unreachable,
    }
}

/// What to do about a request that was refused.
fn advice(error: &Error, client: &Client) -> Option<String> {
    let Error::Status { status, is_of_api: true, .. } = error else { return client.advice(error) };
    let advice = match status.as_u16() {
        400 => "check --name and --tag; a backup of an index that uses pods cannot be restored",
        402 => "pay the invoices of the organization: https://app.pinecone.io shows them",
        403 => {
            "the key needs a role that may create indexes, such as ControlPlaneEditor, and the project needs room for one \
             more index; https://app.pinecone.io shows both"
        }
        404 => {
            "is the id right, and is the key that of the project of the backup? https://app.pinecone.io shows the backups \
             of a project"
        }
        412 => "--wait-backup waits until the backup is ready; https://app.pinecone.io shows its status",
        422 => "--dry-run shows the request; does this version of the API (`version` of [api]) take it?",
        _ => return client.advice(error),
    };
    Some(advice.to_owned())
}

fn reason(unclear: &Unclear, args: &Args) -> String {
    let Unclear { reason, is_index_ours, search_error } = unclear;
    let (backup, index) = (&args.backup, &args.name);
    let known = if *is_index_ours {
        format!("index {index} is made of backup {backup}, but its restore job is not listed")
    } else {
        format!("it is not known whether the restore of backup {backup} into index {index} was started")
    };
    let failed = search_error.as_ref().map(|error| format!("; the search for it failed: {error}"));
    format!("{known}: {reason}{}", failed.unwrap_or_default())
}

/// A failure that leaves open whether the restore was started.
fn doubtful(args: &Args, exit: Exit, message: String) -> Failure {
    let list = ["restore-watch", "list", "--index", args.name.as_str()].map(str::to_owned);
    let list = list.into_iter().chain(args.options.project.words());
    let list = list.map(|word| shell::word(&word).into_owned()).collect::<Vec<_>>().join(" ");
    Failure::new(exit, message)
        .with_help(format!(
            "`{list}` shows the restores into this index; if one is of this backup: {}",
            args.command_of("JOB_ID")
        ))
        .with_help(
            "the same command again starts no second restore if the index exists, and waits for the one that the API shows",
        )
}

impl Args {
    /// The command that waits for this job.
    fn go_on(&self, job: &JobId) -> String {
        self.command_of(job.as_str())
    }

    fn command_of(&self, job: &str) -> String {
        let again = Again { options: self.options.words(), webhook: self.options.webhook.is_some() };
        resume_command(vec![job], &again)
    }
}
