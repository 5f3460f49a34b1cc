//! The answer to a wait that names no restore job: which ones it could wait for.
//!
//! Invariant: the wait is refused whatever the API says, which is asked once and for a few seconds
//! at most.

use std::fmt::Write as _;
use std::slice;
use std::time::Duration;

use crate::adapters::pinecone::Page;
use crate::app::setup;
use crate::cli::Failure;
use crate::config::ProjectSettings;
use crate::model::time::wall_between;
use crate::model::{Observation, duration};
use crate::platform::blocking;
use crate::platform::clock::Clock;

/// How long the API may take. A person waits for the answer.
const LIST_TIME_LIMIT: Duration = Duration::from_secs(3);

/// More restores than these are counted and not shown.
const MAX_SHOWN: usize = 10;

const MESSAGE: &str = "no restore job is named";

/// What to do if the unfinished restores are not known.
const HELP: &str = "\
restore-watch wait JOB_ID         waits for this restore
        restore-watch wait --all-pending  waits for all that are unfinished
        restore-watch list                shows the restores of the project, with their ids";

/// The refusal, without a request.
pub(super) fn refusal() -> Failure {
    Failure::usage(MESSAGE).with_help(HELP)
}

/// The refusal with the unfinished restores of the project, if the API lists some in time.
pub(super) async fn refusal_with_choice(project: ProjectSettings, clock: Clock) -> Failure {
    match tokio::time::timeout(LIST_TIME_LIMIT, first_page(project)).await {
        Ok(Some(page)) => of_page(page, clock),
        Ok(None) | Err(_) => refusal(),
    }
}

/// The first page of the list, by one request.
async fn first_page(project: ProjectSettings) -> Option<Page> {
    let settings = project.clone();
    // The key may be in a file that blocks.
    let clients = blocking::start("key", move || setup::clients(slice::from_ref(&settings)));
    let clients = clients.ok()?.await.ok()?.ok()?;
    clients.get(&project.name)?.list_page(None).await.result.ok()
}

fn of_page(page: Page, clock: Clock) -> Failure {
    let mut unfinished: Vec<_> = page.jobs.into_iter().filter(|job| !job.status.is_terminal()).collect();
    unfinished.sort_by_key(|job| std::cmp::Reverse(job.facts.created_at));
    let Some(newest) = unfinished.first() else { return refusal() };

    let rows: Vec<_> = unfinished.iter().take(MAX_SHOWN).map(|job| Row::of(job, clock)).collect();
    let ids = rows.iter().map(|row| row.id.len()).max().unwrap_or_default();
    let indexes = rows.iter().map(|row| row.index.len()).max().unwrap_or_default();

    let mut help = match &unfinished[..] {
        [_] => "1 restore of this project is unfinished:".to_owned(),
        several => format!("{} restores of this project are unfinished:", several.len()),
    };
    for Row { id, index, state } in &rows {
        // Writing to a string does not fail.
        let _ = write!(help, "\n          {id:<ids$}  {index:<indexes$}  {state}");
    }
    if unfinished.len() > MAX_SHOWN || page.next.is_some() {
        help += "\n          and more: restore-watch list";
    }
    let _ =
        write!(help, "\n        restore-watch wait {}\n        restore-watch wait --all-pending", newest.id);

    Failure::usage(MESSAGE).with_help(help)
}

/// What is shown of an unfinished restore.
struct Row {
    id: String,
    index: String,
    /// Its age, and its progress if the API reports it.
    state: String,
}

impl Row {
    fn of(job: &Observation, clock: Clock) -> Self {
        let facts = &job.facts;
        let age = facts.created_at.map(|from| duration::human(wall_between(from, clock.now().wall)));
        let progress = facts.intermediate_progress().map(|percent| format!("{percent:.0} %"));
        Self {
            id: job.id.to_string(),
            index: facts.target_index_name.clone().unwrap_or_default(),
            state: progress.into_iter().chain(age).collect::<Vec<_>>().join(", "),
        }
    }
}
