//! What each input does to the projects, and what is emitted for it.

use std::collections::VecDeque;

use super::project::{PageFindings, Project, ProjectEvent, Request};
use super::tracker::{Draft, Findings, Tracker};
use super::{Action, Answer, Diagnostic, Engine, Failure, ListId, ListPage, PollId};
use crate::config::JobSettings;
use crate::model::time::Now;
use crate::model::{Event, EventId, EventKind, JobId, ProjectName};

impl Engine {
    pub(super) fn answered(
        &mut self,
        poll: &PollId,
        answer: Answer,
        now: Now,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Some(project) = self.projects.get_mut(&poll.project) else { return };
        let Some(began) = project.finish_poll(&poll.job, poll.generation) else { return };
        let (findings, news) = project.observe(&poll.job, began, answer, now, &mut self.rng);
        diagnostics.extend(project.take_rate_note());
        diagnostics.extend(project.take_setup_note());
        self.emit_for_project(&poll.project, news, now);
        self.emit_findings(&poll.project, &poll.job, findings, now, diagnostics);
    }

    pub(super) fn emit_findings(
        &mut self,
        project: &ProjectName,
        job: &JobId,
        findings: Findings,
        now: Now,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let tracker = self.projects.get(project).and_then(|project| project.tracker(job));
        if let (Some(status), Some(tracker)) = (findings.unknown_status, tracker) {
            let JobSettings { id, name, .. } = tracker.settings();
            let title = name.clone().unwrap_or_else(|| id.to_string());
            diagnostics.push(Diagnostic::UnknownStatus {
                project: project.clone(),
                job: job.clone(),
                title,
                status,
            });
        }
        self.emit_for_job(project, job, findings.drafts, now);
    }

    pub(super) fn poll_failed(
        &mut self,
        poll: &PollId,
        failure: &Failure,
        now: Now,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Some(project) = self.projects.get_mut(&poll.project) else { return };
        let Some(began) = project.finish_poll(&poll.job, poll.generation) else { return };
        let (drafts, news) = project.fail(&poll.job, began, failure, now, &mut self.rng);
        diagnostics.extend(project.take_rate_note());
        diagnostics.extend(project.take_setup_note());
        self.emit_for_project(&poll.project, news, now);
        self.emit_for_job(&poll.project, &poll.job, drafts, now);
    }

    pub(super) fn listed(
        &mut self,
        list: &ListId,
        page: ListPage,
        now: Now,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Some(project) = self.projects.get_mut(&list.project) else { return };
        let Some(began) = project.finish_page(list.generation) else { return };
        let PageFindings { mut rows, found, project: news } =
            project.take_page(began, page, self.keep, now, &mut self.rng);
        for row in found {
            // What was told of it was told before its watch ended.
            if !self.archive.has_ended(&list.project, &row.id) {
                self.commit_queue.remember_again(&list.project, &row.id);
                let kept = self.archive.restore(&list.project, &row.id);
                rows.extend(project.discover(row, kept, began, now, &mut self.rng));
            }
        }
        diagnostics.extend(project.take_rate_note());
        diagnostics.extend(project.take_setup_note());
        diagnostics.extend(project.take_list_note(now.instant));
        diagnostics.extend(project.take_left_out_note());
        for id in project.take_surplus(now) {
            self.commit_queue.forget(list.project.clone(), id);
        }
        self.emit_for_project(&list.project, news, now);
        for (job, findings) in rows {
            self.emit_findings(&list.project, &job, findings, now, diagnostics);
        }
    }

    pub(super) fn list_failed(
        &mut self,
        list: &ListId,
        is_of_token: bool,
        failure: &Failure,
        now: Now,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Some(project) = self.projects.get_mut(&list.project) else { return };
        let Some(began) = project.finish_page(list.generation) else { return };
        let news = project.fail_page(began, is_of_token, failure, now, &mut self.rng);
        diagnostics.extend(project.take_rate_note());
        diagnostics.extend(project.take_setup_note());
        diagnostics.extend(project.take_list_note(now.instant));
        self.emit_for_project(&list.project, news, now);
    }

    /// Has everything made safe that there is, and ends all polling. What is known of the jobs is gathered before that:
    /// it says when they are polled next.
    pub(super) fn stop(&mut self, now: Now) {
        self.notice_changes(now);
        self.commit_queue.hurry(now.instant);
        let projects = &mut self.projects;
        self.commit_queue.add(|batch| projects.gather(now, batch));
        self.projects.values_mut().for_each(Project::stop);
    }

    pub(super) fn notice_changes(&mut self, now: Now) {
        if self.projects.have_changed() {
            self.commit_queue.touch(now.instant);
        }
    }

    /// Starts the polls that are due, then looks for what time alone brought about: a job that can be polled now is
    /// judged by the answer.
    pub(super) fn catch_up(&mut self, now: Now, actions: &mut VecDeque<Action>) {
        let mut alarms = Vec::new();
        for name in self.projects.due(now.instant) {
            let Some(project) = self.projects.get_mut(&name) else { continue };
            while let Some(request) = project.take_due(now.instant, self.polls + 1) {
                self.polls += 1;
                let job = match request {
                    Request::Job(job) => job,
                    Request::Page(token) => {
                        let list = ListId { project: name.clone(), generation: self.polls };
                        actions.push_back(Action::FetchPage(list, token));
                        continue;
                    }
                };
                let index = project.tracker(&job).and_then(Tracker::index_to_poll).map(str::to_owned);
                let poll = PollId { project: name.clone(), job, generation: self.polls };
                actions.push_back(match index {
                    Some(index) => Action::PollIndex(poll, index),
                    None => Action::Poll(poll),
                });
            }
            let found = project.take_alarms(now);
            alarms.extend(found.into_iter().map(|(job, drafts)| (name.clone(), job, drafts)));
        }
        for (project, job, drafts) in alarms {
            self.emit_for_job(&project, &job, drafts, now);
        }
    }

    pub(super) fn emit_for_job(&mut self, project: &ProjectName, job: &JobId, drafts: Vec<Draft>, now: Now) {
        for draft in drafts {
            let id = self.new_id(now);
            let tracker = self.projects.get(project).and_then(|project| project.tracker(job));
            let event = tracker.map(|tracker| tracker.event(draft, project, id, now));
            if let Some(event) = event {
                self.emit(event);
            }
        }
    }

    pub(super) fn emit_for_project(&mut self, project: &ProjectName, news: Option<ProjectEvent>, now: Now) {
        let (kind, reason) = match news {
            None => return,
            Some(ProjectEvent::Unauthorized(reason)) => (EventKind::ProjectUnauthorized, Some(reason)),
            Some(ProjectEvent::Recovered) => (EventKind::ProjectRecovered, None),
        };
        let id = self.new_id(now);
        let told = Event::of_project(id, kind, now.wall, project.clone());
        self.emit(Event { reason, ..told });
    }

    pub(super) fn emit(&mut self, event: Event) {
        let recipients = self.outbox.wanted_by(event.kind);
        self.commit_queue.emit(event, recipients);
    }

    pub(super) fn new_id(&mut self, now: Now) -> EventId {
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        EventId::from_parts(now.wall, random)
    }
}
