//! Where the history is read: from the running daemon, or from a state.
//!
//! Invariant: nothing is changed, and whichever is read, the result is the same.

use std::collections::BTreeSet;

use crate::adapters::control::{CallError, Client};
use crate::adapters::report::{
    History, HistoryFilter, HistoryQuery, HistoryRange, Reader, RequestError, RequestErrorKind,
};
use crate::cli::Failure;
use crate::cli::start::block_on;
use crate::cli::state::StateArgs;

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

/// Asks the daemon. If it does not answer as it should, reads the state, which says why that is.
fn of_daemon(
    client: &Client,
    state: &StateArgs,
    filter: &HistoryFilter,
    limit: usize,
) -> Result<History, Failure> {
    match block_on(async { Ok(pages(client, filter, limit).await) })? {
        Ok(history) => Ok(history),
        // It stops, or has no time for this.
        Err(error @ CallError::Rejected(RequestError { kind: RequestErrorKind::Stopping, .. })) => {
            of_state(state, filter, limit).map_err(|_| error.into())
        }
        Err(error @ (CallError::Denied(_) | CallError::Rejected(_))) => Err(error.into()),
        Err(error @ CallError::Earlier(_)) => of_state(state, filter, limit).map_err(|_| error.into()),
        Err(CallError::NoDaemon(_) | CallError::NoAnswer(_) | CallError::Failed { .. }) => {
            of_state(state, filter, limit)
        }
    }
}

/// Reads the answers of a daemon one after another. A restore that ends meanwhile moves the others
/// on, so that one may come twice; it is left out itself.
async fn pages(client: &Client, filter: &HistoryFilter, limit: usize) -> Result<History, CallError> {
    let mut history = History::default();
    let mut known = BTreeSet::new();
    let mut range = HistoryRange { skip: 0, limit: limit.min(HistoryQuery::MAX_LIMIT) };
    loop {
        let History { restores, total } =
            client.history(&HistoryQuery { filter: filter.clone(), range }).await?;
        if range.skip == 0 {
            history.total = total;
        }

        let count = restores.len();
        range.skip += count;
        let is_new = restores
            .into_iter()
            .filter(|restore| known.insert((restore.project.clone(), restore.job.id.clone())));
        history.restores.extend(is_new);
        if count == 0 || range.skip >= total || history.restores.len() >= limit {
            history.restores.truncate(limit);
            return Ok(history);
        }
    }
}

fn of_state(state: &StateArgs, filter: &HistoryFilter, limit: usize) -> Result<History, Failure> {
    let mut reader: Box<dyn Reader> = state.backend()?.read()?;
    Ok(reader.history(filter, HistoryRange { skip: 0, limit })?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::adapters::control::Server;
    use crate::adapters::report::Readers;
    use crate::adapters::report::samples::HistoryOnly;
    use crate::cli::history::samples;
    use crate::model::{EndedRestore, JobId};

    /// A history to which a restore is added after each read.
    fn growing(mut restores: usize) -> Readers {
        let restore = |number: usize| {
            let observed_at = samples::completed().end_observed_at + Duration::from_secs(number as u64);
            let mut restore = EndedRestore { end_observed_at: observed_at, ..samples::completed() };
            restore.job.id = JobId::new(format!("rj-{number}")).unwrap();
            restore
        };
        Readers::new(Box::new(HistoryOnly(move |_: &HistoryFilter, range: HistoryRange| {
            let total = restores;
            restores += 1;
            let listed = (0..total).rev().skip(range.skip).take(range.limit).map(restore).collect();
            Ok(History { restores: listed, total })
        })))
    }

    async fn read(restores: usize, limit: usize) -> (Vec<usize>, usize) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let _server = Server::bind(&path, growing(restores)).unwrap();
        let client = Client::new(&path).unwrap();

        let History { restores, total } = pages(&client, &HistoryFilter::default(), limit).await.unwrap();

        let number = |restore: &EndedRestore| restore.job.id.as_str()[3..].parse().unwrap();
        (restores.iter().map(number).collect(), total)
    }

    #[tokio::test]
    async fn long_histories_are_read_without_gap_or_repeat() {
        for restores in [0, 1, 999, 1000, 1001, 2500] {
            let all: Vec<_> = (0..restores).rev().collect();
            assert_eq!(read(restores, usize::MAX).await, (all, restores));
        }
    }

    #[tokio::test]
    async fn the_limit_bounds_what_is_read() {
        for limit in [0, 1, 1000, 1500] {
            let newest: Vec<_> = (0..2500).rev().take(limit).collect();
            assert_eq!(read(2500, limit).await, (newest, 2500));
        }
    }
}
