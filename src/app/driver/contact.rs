//! What came of the requests of each project so far, for people: whether its API was reached, and
//! what to do about the last failure.
//!
//! Invariant: at most one failure of a project is its first one, and only if no answer came before.

use std::collections::{BTreeMap, BTreeSet};

use tracing::warn;

use super::requests::{Answered, Trouble};
use crate::engine::{FailureClass, Input, ListPage, PollId};
use crate::model::{JobId, Observation, ProjectName};

/// A request that failed before the API of its project gave any answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstFailure {
    pub project: ProjectName,
    pub class: FailureClass,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// The first page of the list of a project, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Listing {
    /// Not read yet.
    #[default]
    Unknown,
    /// Cannot be read.
    Failed,
    Read {
        jobs: Vec<Observation>,
        /// Whether there is no other page.
        is_all: bool,
    },
}

/// What came of the requests of all projects.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    projects: BTreeMap<ProjectName, Contact>,
    /// Whether the ids that are not found and the first pages of lists are kept.
    pub(super) keeps_details: bool,
}

/// What came of the requests of one project.
#[derive(Debug, Default)]
pub(super) struct Contact {
    /// Whether the API answered, well or with an error of its own.
    is_made: bool,
    is_reported: bool,
    /// What to do about the last request that failed.
    pub(super) advice: Option<String>,
    not_found: BTreeSet<JobId>,
    pub(super) listing: Listing,
}

impl FirstFailure {
    /// Logs it as one that is retried.
    pub(super) fn log(&self) {
        let Self { project, message, advice, .. } = self;
        let message = message.trim_end_matches('.');
        let help = advice.as_ref().map(|advice| format!(" ({advice})")).unwrap_or_default();
        warn!(%project, "project {project}: {message}; retrying{help}");
    }
}

impl Contacts {
    pub(super) fn of(&self, project: &ProjectName) -> Option<&Contact> {
        self.projects.get(project)
    }

    pub(super) fn not_found(&self) -> Option<(&ProjectName, &BTreeSet<JobId>)> {
        let mut all = self.projects.iter().map(|(project, contact)| (project, &contact.not_found));
        all.find(|(_, ids)| !ids.is_empty())
    }

    /// Forgets the projects that are gone: one that is added again later starts over.
    pub(super) fn retain(&mut self, is_there: impl Fn(&ProjectName) -> bool) {
        self.projects.retain(|project, _| is_there(project));
    }

    /// Takes the end of a request. Returns it if it is the first failure of its project. `is_seen`
    /// tells if the API ever showed the job that it is about.
    pub(super) fn note(
        &mut self,
        answered: &Answered,
        is_seen: impl Fn(&PollId) -> bool,
    ) -> Option<FirstFailure> {
        let Answered { project, input, trouble, .. } = answered;
        if !self.projects.contains_key(project) {
            self.projects.insert(project.clone(), Contact::default());
        }
        let contact = self.projects.get_mut(project)?;
        if self.keeps_details {
            contact.keep_details(input, is_seen);
        }
        contact.take_advice(input, trouble.as_ref());

        match trouble {
            Some(trouble) if trouble.doubts_address => contact.doubt(trouble, project),
            _ => {
                contact.is_made = true;
                None
            }
        }
    }
}

impl Contact {
    fn doubt(&mut self, trouble: &Trouble, project: &ProjectName) -> Option<FirstFailure> {
        if self.is_made || std::mem::replace(&mut self.is_reported, true) {
            return None;
        }
        let Trouble { class, message, advice, .. } = trouble.clone();
        // The engine reports that.
        let is_known = class == FailureClass::Misconfigured;
        (!is_known).then(|| FirstFailure { project: project.clone(), class, message, advice })
    }

    /// A page of the list says less about a wait than a job.
    fn take_advice(&mut self, input: &Input, trouble: Option<&Trouble>) {
        let advice = trouble.and_then(|trouble| trouble.advice.clone());
        match input {
            Input::PageFetched { .. } => {}
            Input::PageFailed { .. } => self.advice = self.advice.take().or(advice),
            _ => self.advice = advice,
        }
    }

    fn keep_details(&mut self, input: &Input, is_seen: impl Fn(&PollId) -> bool) {
        match input {
            Input::PollFailed { poll, failure }
                if failure.class == FailureClass::NotFound && !is_seen(poll) =>
            {
                self.not_found.insert(poll.job.clone());
            }
            Input::PollAnswered { poll, .. } => _ = self.not_found.remove(&poll.job),
            Input::PageFetched { page: ListPage { jobs, next, .. }, .. } => {
                for job in jobs {
                    self.not_found.remove(&job.id);
                }
                if !matches!(self.listing, Listing::Read { .. }) {
                    self.listing = Listing::Read { jobs: jobs.clone(), is_all: next.is_none() };
                }
            }
            Input::PageFailed { .. } if self.listing == Listing::Unknown => self.listing = Listing::Failed,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Answer, Failure, ListId};
    use crate::model::{JobFacts, Status};

    fn project() -> ProjectName {
        ProjectName::default()
    }

    fn never(_: &PollId) -> bool {
        false
    }

    fn poll(id: &str) -> PollId {
        PollId { project: project(), job: JobId::new(id).unwrap(), generation: 1 }
    }

    fn failed(class: FailureClass, doubts_address: bool) -> Answered {
        let failure = Failure { class, retry_after: None, message: "no".to_owned() };
        let advice = Some(format!("{class:?}"));
        let trouble = Trouble { class, message: "no".to_owned(), advice, doubts_address };
        let input = Input::PollFailed { poll: poll("rj-1"), failure };
        Answered { project: project(), input, server_time: None, trouble: Some(trouble), exchange: None }
    }

    fn answered() -> Answered {
        let id = JobId::new("rj-1").unwrap();
        let observation = Observation { id, status: Status::Pending, facts: JobFacts::default() };
        let input = Input::PollAnswered { poll: poll("rj-1"), answer: Answer::Job(observation) };
        Answered { project: project(), input, server_time: None, trouble: None, exchange: None }
    }

    fn page() -> Answered {
        let list = ListId { project: project(), generation: 1 };
        let input = Input::PageFetched { list, page: ListPage::default() };
        Answered { project: project(), input, server_time: None, trouble: None, exchange: None }
    }

    #[test]
    fn only_the_first_failure_before_any_answer_is_one() {
        use FailureClass::{Misconfigured, NotFound, Transient, Unauthorized, WrongProtocol};

        for (requests, first) in [
            (vec![failed(Transient, true), failed(Transient, true)], vec![true, false]),
            (vec![failed(WrongProtocol, true)], vec![true]),
            (vec![answered(), failed(Transient, true)], vec![false, false]),
            (vec![failed(NotFound, false), failed(Transient, true)], vec![false, false]),
            (vec![failed(Unauthorized, false)], vec![false]),
            (vec![failed(Misconfigured, true), failed(Transient, true)], vec![false, false]),
        ] {
            let mut contacts = Contacts::default();
            let found: Vec<_> =
                requests.iter().map(|request| contacts.note(request, never).is_some()).collect();
            assert_eq!(found, first);
        }
    }

    #[test]
    fn advice_is_of_the_last_poll_that_failed() {
        let mut contacts = Contacts::default();
        let mut advice_after = |request: &Answered| {
            contacts.note(request, never);
            contacts.of(&project()).unwrap().advice.clone()
        };

        assert_eq!(advice_after(&failed(FailureClass::Transient, true)).as_deref(), Some("Transient"));
        assert_eq!(advice_after(&page()).as_deref(), Some("Transient"));
        assert_eq!(advice_after(&answered()), None);
    }

    #[test]
    fn a_project_that_was_gone_has_a_first_failure_again() {
        let mut contacts = Contacts::default();
        contacts.note(&answered(), never);

        contacts.retain(|_| true);
        assert!(contacts.note(&failed(FailureClass::Transient, true), never).is_none());
        contacts.retain(|_| false);
        assert!(contacts.note(&failed(FailureClass::Transient, true), never).is_some());
    }

    #[test]
    fn a_job_that_was_seen_before_is_none_that_is_not_found() {
        let mut contacts = Contacts { keeps_details: true, ..Contacts::default() };

        contacts.note(&failed(FailureClass::NotFound, false), |_| true);
        assert_eq!(contacts.not_found(), None);

        contacts.note(&failed(FailureClass::NotFound, false), never);
        let ids = BTreeSet::from([poll("rj-1").job]);
        assert_eq!(contacts.not_found(), Some((&project(), &ids)));

        let Input::PollAnswered { answer: Answer::Job(listed), .. } = answered().input else {
            unreachable!()
        };
        let list = ListId { project: project(), generation: 1 };
        let page = ListPage { jobs: vec![listed], ..ListPage::default() };
        let input = Input::PageFetched { list, page };
        contacts.note(
            &Answered { input, project: project(), server_time: None, trouble: None, exchange: None },
            never,
        );
        assert_eq!(contacts.not_found(), None);
    }

    #[test]
    fn details_are_kept_if_they_are_wanted() {
        for keeps_details in [false, true] {
            let mut contacts = Contacts { keeps_details, ..Contacts::default() };
            contacts.note(&failed(FailureClass::NotFound, false), never);
            contacts.note(&page(), never);

            let contact = contacts.of(&project()).unwrap();
            assert_eq!(contact.not_found.len(), usize::from(keeps_details));
            assert_eq!(contact.listing != Listing::Unknown, keeps_details);
        }
    }
}
