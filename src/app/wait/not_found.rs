//! Ids that the API does not know: what a person can do about them, by what the list of jobs shows.
//!
//! Invariant: the list is asked for at most once, and what it shows changes nothing about when the
//! wait ends.

use tracing::warn;

use super::patience::Patience;
use super::resume::{self, Again};
use crate::app::driver::{Driver, Listing};
use crate::engine::Command;
use crate::model::{JobId, Observation};

/// Ids that have an explanation of their own, at most.
const MAX_INDEXES: usize = 5;

/// Ids that are named in one line, at most.
const MAX_NAMED: usize = 3;

/// What a wait says about ids that are not found, once.
#[derive(Debug, Default)]
pub(super) struct NotFound {
    is_asked: bool,
    is_said: bool,
}

impl NotFound {
    /// Looks for ids that are not found. At the first, the list is asked for; when that is read, it
    /// is said what can be done. `options` are those by which a command names the project.
    pub(super) fn report(&mut self, driver: &mut Driver, options: &[String], patience: Patience) {
        if self.is_said {
            return;
        }
        let Some(project) = driver.not_found().map(|(project, _)| project.clone()) else { return };
        // What is at an address in doubt may know no job at all.
        if driver.advice(&project).is_some() {
            return;
        }
        if self.is_asked && *driver.listing(&project) == Listing::Unknown {
            return;
        }
        if !std::mem::replace(&mut self.is_asked, true) {
            driver.command(Command::ReadList(project.clone()));
        }
        if *driver.listing(&project) == Listing::Unknown {
            return;
        }

        let ids = unknown(driver);
        self.is_said = true;
        let view = driver.engine().projects().find(|view| *view.name == project);
        let retrying = patience.retrying(view.map(|view| view.not_found_grace));
        let advice = advice(&ids, driver.listing(&project), options);
        warn!(%project, "{}; {retrying}\n  help: {advice}", in_words(&ids));
    }
}

/// What to do about the ids that the API does not know, if there are some. `options` are those by
/// which a command names the project.
pub fn not_found_advice(driver: &Driver, options: &[String]) -> Option<String> {
    let (project, _) = driver.not_found()?;
    Some(advice(&unknown(driver), driver.listing(project), options))
}

/// The jobs that the API does not know, and never did.
fn unknown(driver: &Driver) -> Vec<JobId> {
    driver.not_found().map(|(_, ids)| ids.iter().cloned().collect()).unwrap_or_default()
}

/// One or more lines, each one thing to do.
fn advice(ids: &[JobId], listing: &Listing, options: &[String]) -> String {
    let listed = match listing {
        Listing::Read { jobs, .. } => &jobs[..],
        Listing::Unknown | Listing::Failed => &[],
    };
    let newest: Vec<_> = ids.iter().filter_map(|id| Some((id, newest_into(id, listed)?))).collect();
    let again = Again { options: options.to_vec(), ..Again::default() };
    let of_index = |(id, job): &(&JobId, &Observation)| {
        let command = resume::command(vec![job.id.as_str()], &again);
        format!("{id} is an index; its newest restore is {} ({}): {command}", job.id, job.status)
    };

    let mut lines: Vec<_> = newest.iter().take(MAX_INDEXES).map(of_index).collect();
    if newest.len() < ids.len() {
        let list = resume::words(["restore-watch", "list"].iter().copied(), options);
        let shows = match listing {
            Listing::Read { jobs, is_all: true } if jobs.is_empty() => {
                "this key sees no restore jobs".to_owned()
            }
            Listing::Read { jobs, is_all: true } => match jobs.len() {
                1 => format!("`{list}` shows the only restore job that this key sees"),
                count => format!("`{list}` shows the {count} restore jobs that this key sees"),
            },
            _ => format!("`{list}` shows the restore jobs that this key sees"),
        };
        lines.push(format!("is the id right, and is the key that of the project it was started in? {shows}"));
    }
    lines.join("\n  help: ")
}

/// The newest job that makes the index of this name.
fn newest_into<'a>(name: &JobId, listed: &'a [Observation]) -> Option<&'a Observation> {
    let is_into = |job: &&Observation| job.facts.target_index_name.as_deref() == Some(name.as_str());
    listed.iter().filter(is_into).max_by_key(|job| job.facts.created_at)
}

fn in_words(ids: &[JobId]) -> String {
    let named: Vec<_> = ids.iter().take(MAX_NAMED).map(JobId::as_str).collect();
    let named = named.join(", ");
    match (ids.len(), ids.len().saturating_sub(MAX_NAMED)) {
        (1, _) => format!("restore job {named} is not found"),
        (_, 0) => format!("restore jobs {named} are not found"),
        (_, more) => format!("restore jobs {named} and {more} more are not found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobFacts, Status};

    fn ids(ids: &[&str]) -> Vec<JobId> {
        ids.iter().map(|id| JobId::new(*id).unwrap()).collect()
    }

    /// A page of jobs, each an id, an index and the hour of its start.
    fn page(jobs: &[(&str, &str, u8)], is_all: bool) -> Listing {
        let job = |(id, index, hour): &(&str, &str, u8)| Observation {
            id: JobId::new(*id).unwrap(),
            status: Status::Pending,
            facts: JobFacts {
                target_index_name: Some((*index).to_owned()),
                created_at: Some(format!("2026-11-26T{hour:02}:00:00Z").parse().unwrap()),
                ..JobFacts::default()
            },
        };
        Listing::Read { jobs: jobs.iter().map(job).collect(), is_all }
    }

    #[test]
    fn the_name_of_an_index_leads_to_its_newest_restore() {
        let listing = page(&[("rj-1", "docs", 1), ("rj-3", "docs", 3), ("rj-2", "docs", 2)], true);
        let options = ["--project".to_owned(), "prod".to_owned()];

        assert_eq!(
            advice(&ids(&["docs"]), &listing, &options),
            "docs is an index; its newest restore is rj-3 (Pending): restore-watch wait rj-3 --project prod"
        );
    }

    #[test]
    fn an_unknown_id_leads_to_the_list() {
        let asks = "is the id right, and is the key that of the project it was started in?";
        for (listing, shows) in [
            (page(&[], true), "this key sees no restore jobs"),
            (
                page(&[("rj-1", "docs", 1)], true),
                "`restore-watch list` shows the only restore job that this key sees",
            ),
            (
                page(&[("rj-1", "docs", 1), ("rj-2", "docs", 2)], true),
                "`restore-watch list` shows the 2 restore jobs that this key sees",
            ),
            (
                page(&[("rj-1", "docs", 1)], false),
                "`restore-watch list` shows the restore jobs that this key sees",
            ),
            (Listing::Failed, "`restore-watch list` shows the restore jobs that this key sees"),
        ] {
            assert_eq!(advice(&ids(&["nope"]), &listing, &[]), format!("{asks} {shows}"));
        }
    }

    #[test]
    fn both_kinds_of_ids_have_their_advice() {
        let listing = page(&[("rj-1", "docs", 1)], true);

        let advice = advice(&ids(&["docs", "nope"]), &listing, &[]);

        assert!(advice.starts_with("docs is an index"), "{advice}");
        assert!(advice.contains("\n  help: is the id right"), "{advice}");
    }

    #[test]
    fn many_ids_are_named_briefly() {
        for (named, words) in [
            (&["a"][..], "restore job a is not found"),
            (&["a", "b"], "restore jobs a, b are not found"),
            (&["a", "b", "c", "d", "e"], "restore jobs a, b, c and 2 more are not found"),
        ] {
            assert_eq!(in_words(&ids(named)), words);
        }
    }
}
