//! What each input does to the projects, and how its effects are carried out.

use std::sync::Arc;

use super::commit_queue::MANY_DIRTY_JOBS;
use super::context::{Cx, Effect, Effects};
use super::outbox::Outbox;
use super::project::{Project, Request};
use super::tracker::{Draft, Tracker};
use super::{Action, Answer, Engine, Failure, ListId, ListPage, PollId};
use crate::model::time::Now;
use crate::model::{Event, EventId, EventKind, JobId, ProjectName};

impl Engine {
    pub(super) fn on_poll_answered(&mut self, poll: &PollId, answer: Answer, now: Now) {
        self.with_project(&poll.project, now, |project, cx| project.on_answer(poll, answer, cx));
    }

    pub(super) fn on_poll_failed(&mut self, poll: &PollId, failure: &Failure, now: Now) {
        self.with_project(&poll.project, now, |project, cx| {
            project.on_failure(poll, failure, cx);
        });
    }

    pub(super) fn on_page_fetched(&mut self, list: &ListId, page: ListPage, now: Now) {
        let mut effects = Effects::default();
        let Some(project) = self.projects.get_mut(&list.project) else { return };
        let mut cx = Cx { project: &list.project, now, rng: &mut self.rng, effects: &mut effects };
        let Some(began) = project.finish_page(list.generation) else { return };

        for row in project.on_page(began, page, self.keep.records, &mut cx) {
            // Its events were emitted before it was archived.
            if !self.archive.has_ended(&list.project, &row.id) {
                self.commit_queue.cancel_forget(&list.project, &row.id);
                let kept = self.archive.restore(&list.project, &row.id);
                project.discover(row, kept, began, &mut cx);
            }
        }
        project.end_page(&mut cx);

        self.carry_out(&list.project, effects, now);
    }

    pub(super) fn on_page_failed(&mut self, list: &ListId, is_of_token: bool, failure: &Failure, now: Now) {
        self.with_project(&list.project, now, |project, cx| {
            project.on_page_failure(list.generation, is_of_token, failure, cx);
        });
    }

    /// Commits everything that is dirty, and ends all polling. The records are gathered before the
    /// polling ends, because they say when each job is polled next.
    pub(super) fn stop(&mut self, now: Now) {
        self.notice_changes(now);
        self.commit_queue.hurry(now.instant);
        let projects = &mut self.projects;
        self.commit_queue.add(|batch| {
            projects.gather(now, usize::MAX, batch);
        });
        self.projects.values_mut().for_each(Project::stop);
    }

    /// Has everything that is dirty committed soon, and marks old records for deletion.
    pub(super) fn collect_dirty_state(&mut self, now: Now) {
        self.prune_old_records(now);
        self.notice_changes(now);
    }

    pub(super) fn notice_changes(&mut self, now: Now) {
        if self.projects.have_changed() {
            self.commit_queue.touch(now.instant);
        }
        if self.projects.dirty_jobs() >= MANY_DIRTY_JOBS {
            self.commit_queue.touch_now(now.instant);
        }
    }

    pub(super) fn start_due_polls(&mut self, now: Now) {
        for name in self.projects.due(now.instant) {
            self.start_polls(&name, now);
        }
    }

    /// Emits or reports what time alone brought about.
    pub(super) fn raise_alarms(&mut self, now: Now) {
        for name in self.projects.due(now.instant) {
            self.with_project(&name, now, Project::take_alarms);
        }
        self.with_outbox(now, Outbox::raise_alarms);
    }

    fn start_polls(&mut self, name: &ProjectName, now: Now) {
        let Some(project) = self.projects.get_mut(name) else { return };
        project.settle(now.instant);
        while let Some(request) = project.take_due(now.instant, self.requests + 1) {
            self.requests += 1;
            let generation = self.requests;
            let job = match request {
                Request::Job(job) => job,
                Request::Page(token) => {
                    self.actions
                        .push_back(Action::FetchPage(ListId { project: name.clone(), generation }, token));
                    continue;
                }
            };

            let index = project.tracker(&job).and_then(Tracker::index_to_poll).map(str::to_owned);
            let poll = PollId { project: name.clone(), job, generation };
            self.actions.push_back(match index {
                Some(index) => Action::PollIndex(poll, index),
                None => Action::Poll(poll),
            });
        }
    }

    /// Has a project take an input, and carries out what follows.
    fn with_project(&mut self, name: &ProjectName, now: Now, take: impl FnOnce(&mut Project, &mut Cx<'_>)) {
        let mut effects = Effects::default();
        let Some(project) = self.projects.get_mut(name) else { return };
        take(project, &mut Cx { project: name, now, rng: &mut self.rng, effects: &mut effects });
        self.carry_out(name, effects, now);
    }

    /// The one place at which effects become events with ids, deliveries and records.
    fn carry_out(&mut self, project: &ProjectName, effects: Effects, now: Now) {
        for effect in effects {
            match effect {
                Effect::JobEvent { job, draft } => self.emit_for_job(project, &job, draft, now),
                Effect::ProjectEvent { kind, reason } => self.emit_for_project(project, kind, reason, now),
                Effect::Diagnostic(diagnostic) => self.diagnostics.push(diagnostic),
                Effect::Forget(job) => self.commit_queue.forget(project.clone(), job),
            }
        }
    }

    fn emit_for_job(&mut self, project: &ProjectName, job: &JobId, draft: Draft, now: Now) {
        let id = self.new_id(now);
        let tracker = self.projects.get(project).and_then(|project| project.tracker(job));
        let Some(tracker) = tracker else { return };
        let event = tracker.event(draft, project, id, now);
        let ended = tracker.ended(project).filter(|ended| ended.outcome.event() == Some(event.kind));

        self.emit(event, now);
        if let Some(ended) = ended {
            self.commit_queue.end(ended, id);
        }
    }

    fn emit_for_project(&mut self, project: &ProjectName, kind: EventKind, reason: Option<String>, now: Now) {
        let id = self.new_id(now);
        let event = Event::of_project(id, kind, now.wall, project.clone());
        self.emit(Event { reason, ..event }, now);
    }

    fn emit(&mut self, event: Event, now: Now) {
        let event = Arc::new(event);
        let recipients = self.outbox.recipients(&event);
        self.withhold(&event, &recipients, now);
        self.commit_queue.emit(event, recipients);
    }

    fn new_id(&mut self, now: Now) -> EventId {
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        EventId::from_parts(now.wall, random)
    }
}
