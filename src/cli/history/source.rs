//! Where the history is read: from the running daemon, or from a state.
//!
//! Invariant: nothing is changed, and whichever is read, the result is the same.

use std::collections::BTreeSet;

use crate::adapters::control::{CallError, Client};
use crate::adapters::report::{History, HistoryFilter, HistoryQuery, HistoryRange, Reader};
use crate::cli::Failure;
use crate::cli::output::inform;
use crate::cli::start::block_on;
use crate::cli::state::{StateArgs, cannot_open};

/// The restores that match, the end observed last last; at most `limit` of the newest.
pub(in crate::cli) fn read(
    state: &StateArgs,
    filter: &HistoryFilter,
    limit: Option<usize>,
) -> Result<History, Failure> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut history = match state.client_if_not_named()? {
        Some(client) => of_daemon(&client, state, filter, limit)?,
        None => of_state(state, filter, limit)?,
    };
    history.restores.reverse();
    Ok(history)
}

/// Says that no restore matches, and what there is instead.
pub(in crate::cli) fn nothing(state: &StateArgs, filter: &HistoryFilter) -> Result<String, Failure> {
    let all = read(state, &HistoryFilter::default(), Some(1))?;
    let since_alone = HistoryFilter { since: filter.since, ..HistoryFilter::default() };
    Ok(match (all.restores.first(), filter.since) {
        (None, _) => "no restore ended yet\n".to_owned(),
        (Some(last), Some(since)) if *filter == since_alone => format!(
            "no restore ended since {since:.0}; the end of the last one was observed at {:.0}\n",
            last.end_observed_at
        ),
        _ if all.total == 1 => "the only restore that ended does not match\n".to_owned(),
        _ => format!("none of the {} restores that ended matches\n", all.total),
    })
}

/// Asks the daemon; reads the state if it does not answer as it should.
fn of_daemon(
    client: &Client,
    state: &StateArgs,
    filter: &HistoryFilter,
    limit: usize,
) -> Result<History, Failure> {
    match block_on(async { Ok(pages(client, filter, limit).await) })? {
        Ok(history) => Ok(history),
        // A daemon that was killed left its socket behind.
        Err(CallError::NoDaemon(_)) if !state.names_socket() => of_state(state, filter, limit),
        Err(error @ CallError::Earlier(_)) => of_state(state, filter, limit).map_err(|_| error.into()),
        Err(error @ (CallError::Denied(_) | CallError::Rejected(_))) => Err(error.into()),
        Err(error) => {
            inform(&format!("restore-watch: {error}; reading the state itself"));
            of_state(state, filter, limit)
        }
    }
}

/// Reads the answers of a daemon one after another. A restore that ends meanwhile moves the others
/// on, so that one may come twice; it is left out itself.
async fn pages(client: &Client, filter: &HistoryFilter, limit: usize) -> Result<History, CallError> {
    let mut history = History::default();
    let mut known = BTreeSet::new();
    let mut skip = 0;
    loop {
        let page = limit.saturating_sub(history.restores.len()).min(HistoryQuery::MAX_LIMIT);
        let range = HistoryRange { skip, limit: page };
        let History { restores, total } =
            client.history(&HistoryQuery { filter: filter.clone(), range }).await?;
        if skip == 0 {
            history.total = total;
        }

        let count = restores.len();
        skip += count;
        let is_new = restores
            .into_iter()
            .filter(|restore| known.insert((restore.project.clone(), restore.job.id.clone())));
        history.restores.extend(is_new);
        if count == 0 || skip >= total || history.restores.len() >= limit {
            return Ok(history);
        }
    }
}

fn of_state(state: &StateArgs, filter: &HistoryFilter, limit: usize) -> Result<History, Failure> {
    let mut reader: Box<dyn Reader> = state.backend()?.read().map_err(cannot_open)?;
    Ok(reader.history(filter, HistoryRange { skip: 0, limit })?)
}
