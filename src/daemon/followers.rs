//! Those who follow the daemon's polls: waits beside it.
//!
//! Invariant: a follower is told what came of each poll of its jobs, and which of them are polled no more, until it goes
//! away; one that does not keep up is let go, which it notices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::debug;

use crate::clock::Clock;
use crate::control::{ALIVE, FollowJobs, Followed, News};
use crate::driver::{Driver, Polled};
use crate::engine::time::{Instant, Now};
use crate::engine::{Answer, Event, FailureClass, IndexWatch, JobView, Standing};
use crate::model::{IndexObservation, JobId, Observation, ProjectName, Transition};

/// So many lines may wait for a follower to read them.
const BACKLOG: usize = 1024;

/// Which jobs may be polled no more since the last look, beside those that were polled.
#[derive(Debug)]
pub(super) enum Touched {
    /// These.
    Jobs(Vec<(ProjectName, JobId)>),
    /// Any: somebody asked for a change, or something is told of a whole project.
    Everything,
}

impl Touched {
    /// By what was told.
    pub(super) fn by(told: Vec<Arc<Transition>>) -> Self {
        let job = |one: Arc<Transition>| Some((one.project.clone(), one.job.as_ref()?.id.clone()));
        told.into_iter().map(job).collect::<Option<_>>().map_or(Self::Everything, Self::Jobs)
    }
}

/// All followers.
#[derive(Debug, Default)]
pub(super) struct Followers {
    list: Vec<Follower>,
    /// When the next sign of life is due.
    alive_at: Option<Instant>,
}

#[derive(Debug)]
struct Follower {
    endpoint: String,
    jobs: BTreeMap<JobId, ProjectName>,
    sender: mpsc::Sender<News>,
}

impl Followers {
    /// Takes in somebody who wants to follow these jobs. Those that do well are looked at anew, as they would be by who
    /// does not follow: nobody is to wait for a poll that is far away.
    pub(super) fn welcome(&mut self, wanted: &FollowJobs, driver: &mut Driver) -> Followed {
        let (sender, further) = mpsc::channel(BACKLOG);
        let (engine, now) = (driver.engine(), driver.now());
        let offered = |id: &JobId| {
            let is_wanted =
                |job: &JobView<'_>| wanted.project.as_ref().is_none_or(|name| name == job.project);
            let mut jobs = engine.projects().filter_map(|project| engine.job(project.name, id));
            jobs.find(|job| is_wanted(job) && is_at(job, driver, &wanted.endpoint) && is_offered(job))
        };
        let jobs: Vec<_> = wanted.jobs.iter().filter_map(|id| Some((id.clone(), offered(id)?))).collect();
        let mut first = vec![News::Following { jobs: jobs.iter().map(|(id, _)| id.clone()).collect() }];
        first.extend(jobs.iter().flat_map(|(id, job)| known(id, job, now)));
        let jobs = jobs.into_iter().filter(|(_, job)| is_polled(job));
        let jobs: BTreeMap<_, _> = jobs.map(|(id, job)| (id, job.project.clone())).collect();
        debug!(jobs = jobs.len(), "somebody follows the polls of {} restores", jobs.len());
        if !jobs.is_empty() {
            self.alive_at.get_or_insert(now.instant + ALIVE);
            driver.listen(true);
            driver
                .change(|engine, now| jobs.iter().for_each(|(id, project)| engine.hasten(project, id, now)));
            driver.handle(Event::DeadlineReached);
            self.list.push(Follower { endpoint: wanted.endpoint.clone(), jobs, sender });
        }
        Followed { first, further }
    }

    /// Tells what came of the polls since the last call.
    pub(super) fn tell(&mut self, driver: &mut Driver, touched: &Touched) {
        if self.list.is_empty() {
            return;
        }
        let heard = driver.take_heard();
        let now = driver.now();
        self.list.retain_mut(|follower| follower.tell(&heard, touched, driver, now));
        if self.alive_at.is_some_and(|at| at <= now.instant) {
            self.list.retain(|follower| follower.sender.try_send(News::Alive).is_ok());
            self.alive_at = Some(now.instant + ALIVE);
        }
        if self.list.is_empty() {
            self.alive_at = None;
            driver.listen(false);
        }
    }

    /// Waits until a sign of life is due.
    pub(super) async fn due(&self, clock: Clock) {
        clock.sleep_until(self.alive_at).await;
    }

    /// Lets all of them go.
    pub(super) fn dismiss(&mut self) {
        self.list.clear();
    }
}

impl Follower {
    /// Returns whether it goes on.
    fn tell(&mut self, heard: &[Polled], touched: &Touched, driver: &Driver, now: Now) -> bool {
        let engine = driver.engine();
        for Polled { project, job: id, news } in heard {
            if self.jobs.get(id) != Some(project) {
                continue;
            }
            // What the daemon's key is refused, another key may be granted; so it is with certificates and proxies.
            if news.as_ref().is_err_and(|failure| failure.class.is_of_the_asker()) {
                self.jobs.remove(id);
                if self.sender.try_send(News::Left { job: id.clone() }).is_err() {
                    return false;
                }
                continue;
            }
            let (job, next_poll_seconds) = (id.clone(), next_poll(engine.job(project, id).as_ref(), now));
            let news = match news {
                Ok(answer) => News::Answered { job, answer: answer.clone(), next_poll_seconds },
                Err(failure) => {
                    let (class, message) = (failure.class, failure.message.clone());
                    News::Failed { job, class, message, next_poll_seconds }
                }
            };
            if self.sender.try_send(news).is_err() {
                return false;
            }
        }
        let is_left = |id: &JobId, project: &ProjectName| {
            let is_followed = |job: &JobView<'_>| is_polled(job) && is_at(job, driver, &self.endpoint);
            engine.job(project, id).is_none_or(|job| !is_followed(&job))
        };
        // After each event, so not all of them where a few will do.
        let left: Vec<_> = match touched {
            Touched::Everything => self.jobs.extract_if(.., |id, project| is_left(id, project)).collect(),
            Touched::Jobs(told) => {
                let told = told.iter().map(|(project, id)| (project, id));
                let polled = heard.iter().map(|polled| (&polled.project, &polled.job));
                let touched = polled
                    .chain(told)
                    .filter(|(project, id)| self.jobs.get(*id) == Some(*project) && is_left(id, project));
                let left: BTreeSet<_> = touched.map(|(_, id)| id).collect();
                left.into_iter().filter_map(|id| self.jobs.remove_entry(id)).collect()
            }
        };
        for (job, _) in left {
            if self.sender.try_send(News::Left { job }).is_err() {
                return false;
            }
        }
        !self.jobs.is_empty() && !self.sender.is_closed()
    }
}

/// Whether the daemon will hear of it.
fn is_polled(job: &JobView<'_>) -> bool {
    !job.tracker.has_ended() && !job.is_paused && job.refused.is_none() && job.misconfigured.is_none()
}

/// Whether what the daemon knows of it is worth something to others: how it ended, or what it says from now on. With one
/// that has been in trouble for long, the daemon takes its time.
fn is_offered(job: &JobView<'_>) -> bool {
    job.tracker.has_ended() || (is_polled(job) && job.tracker.standing() == Standing::Open)
}

/// Whether it is a job of this control plane.
fn is_at(job: &JobView<'_>, driver: &Driver, endpoint: &str) -> bool {
    driver.endpoint(job.project).is_some_and(|here| here.to_string() == endpoint)
}

fn next_poll(job: Option<&JobView<'_>>, now: Now) -> Option<f64> {
    job?.due.map(|due| due.since(now.instant).as_secs_f64())
}

/// What is known of a job, in the form in which it would have been told.
fn known(id: &JobId, job: &JobView<'_>, now: Now) -> Vec<News> {
    let tracker = job.tracker;
    let next_poll_seconds = next_poll(Some(job), now);
    let mut known = Vec::new();
    let mut answered = |answer| known.push(News::Answered { job: id.clone(), answer, next_poll_seconds });
    if let Some(status) = tracker.status() {
        let (status, facts) = (status.clone(), tracker.facts().clone());
        answered(Answer::Job(Observation { id: id.clone(), status, facts }));
    }
    // That an index served once is no news: who wants to know asks.
    let index = tracker.index().filter(|_| !tracker.has_ended()).and_then(IndexWatch::state);
    if let (Some(state), Some(name)) = (index, &tracker.facts().target_index_name) {
        let (name, state) = (name.clone(), Some(state.clone()));
        answered(Answer::Index(IndexObservation { name, state, ready: false }));
    }
    if let Some(message) = tracker.last_error().filter(|_| is_polled(job)) {
        let class =
            if tracker.last_was_not_found() { FailureClass::NotFound } else { FailureClass::Transient };
        known.push(News::Failed { job: id.clone(), class, message: message.to_owned(), next_poll_seconds });
    }
    if !is_polled(job) {
        known.push(News::Left { job: id.clone() });
    }
    known
}
