//! Whether a restore that the API shows is the one that was asked for.
//!
//! Invariant: absence proves nothing. The list can lack a job, and an index can be made later.

use std::time::Duration;

use jiff::Timestamp;

use crate::adapters::pinecone::create_index::{FoundIndex, IndexSource};
use crate::model::{BackupId, Observation, Status};

/// How far the clock that dates jobs may be behind the one that dates answers; also how long before
/// this command an earlier run may have started the restore.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought<'a> {
    pub(super) backup: &'a BackupId,
    pub(super) index: &'a str,
    pub(super) since: Since,
}

/// Which jobs of the list count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// Those of any age that may have made the index, which exists.
    Ever,
    /// Those that began after this time of the server, or shortly before, and had not ended then.
    After(Timestamp),
    /// None, because the time of the server is not known.
    Unknown,
}

/// What follows from what the API shows.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict<'a> {
    /// This is its job.
    Job(&'a Observation),
    /// The index is made of the backup, and no job that counts is listed.
    IndexAlone,
    /// The index is of another backup, or of none.
    Another(Option<&'a str>),
    /// Nothing is certain.
    Uncertain,
}

impl Sought<'_> {
    /// The verdict about this index, if there is one, and about listed jobs.
    pub(super) fn judge<'a>(&self, index: Option<&'a FoundIndex>, jobs: &'a [Observation]) -> Verdict<'a> {
        let is_into = |job: &&Observation| {
            job.facts.target_index_name.as_deref() == Some(self.index) && self.may_have_made(index, job)
        };
        let into = jobs.iter().filter(is_into);

        match index.map(|index| &index.source) {
            Some(IndexSource::Backup(source)) if self.backup.is(source) => {
                let newest = into.filter(|job| self.is_of_backup(job)).max_by_key(|job| job.facts.created_at);
                newest.map_or(Verdict::IndexAlone, Verdict::Job)
            }
            Some(IndexSource::Backup(source)) => Verdict::Another(Some(source)),
            Some(IndexSource::NoBackup) => Verdict::Another(None),
            Some(IndexSource::Unsaid) | None => self.judge_by_jobs(into),
        }
    }

    /// The verdict by the jobs into this index alone.
    fn judge_by_jobs<'a>(&self, into: impl Iterator<Item = &'a Observation>) -> Verdict<'a> {
        // A job of another backup that did not end well left no index.
        let counts = |job: &&Observation| self.is_of_backup(job) || !has_failed(job);
        let into: Vec<_> = into.filter(counts).collect();
        let is_one_backup = into.iter().all(|job| job.facts.backup_id == into[0].facts.backup_id);
        let is_dated = into.iter().all(|job| job.facts.created_at.is_some());
        let Some(newest) = into.into_iter().max_by_key(|job| job.facts.created_at) else {
            return Verdict::Uncertain;
        };

        match &newest.facts.backup_id {
            // Which one is the newest is not known.
            _ if !is_one_backup && !is_dated => Verdict::Uncertain,
            _ if self.is_of_backup(newest) => Verdict::Job(newest),
            Some(backup) if self.since == Since::Ever => Verdict::Another(Some(backup)),
            _ => Verdict::Uncertain,
        }
    }

    fn is_of_backup(&self, job: &Observation) -> bool {
        job.facts.backup_id.as_deref().is_some_and(|backup| self.backup.is(backup))
    }

    /// Whether a job into this index can be what is looked for.
    fn may_have_made(&self, index: Option<&FoundIndex>, job: &Observation) -> bool {
        match self.since {
            // The index that refused the request may be gone, or going: then no job made one that
            // stays. A job that did not end well left none.
            Since::Ever => index.is_some_and(|index| !index.is_never_ready) && !has_failed(job),
            Since::After(sent) => match job.facts.created_at {
                Some(created) => is_since(job, created, sent),
                // The source of the index shows as much as a start would.
                None => index.is_some_and(|index| self.is_made_of_backup(index)),
            },
            Since::Unknown => false,
        }
    }

    fn is_made_of_backup(&self, index: &FoundIndex) -> bool {
        matches!(&index.source, IndexSource::Backup(source) if self.backup.is(source))
    }
}

/// Whether a job that was created then can come of a request that was sent at this time.
fn is_since(job: &Observation, created: Timestamp, sent: Timestamp) -> bool {
    let earliest = sent.checked_sub(CLOCK_DIFFERENCE).unwrap_or(Timestamp::MIN);
    // A failed job has no end time, so one from before the request counts as ended before it.
    let had_ended = created < sent && has_failed(job) || job.facts.completed_at.is_some_and(|end| end < sent);
    created >= earliest && !had_ended
}

fn has_failed(job: &Observation) -> bool {
    matches!(job.status, Status::Failed | Status::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobFacts, JobId};

    /// Noon, by the server.
    const SENT: &str = "2026-11-26T12:00:00Z";

    /// A job by its id, its backup, its index and the time of its start, if that is known.
    fn job(id: &str, backup: &str, index: &str, created: Option<&str>, status: Status) -> Observation {
        let facts = JobFacts {
            backup_id: Some(backup.to_owned()),
            target_index_name: Some(index.to_owned()),
            created_at: created.map(|time| format!("2026-11-26T{time}Z").parse().unwrap()),
            ..JobFacts::default()
        };
        Observation { id: JobId::new(id).unwrap(), status, facts }
    }

    fn pending(id: &str, backup: &str, created: &str) -> Observation {
        job(id, backup, "docs", Some(created), Status::Pending)
    }

    fn completed(created: &str, ended: &str) -> Observation {
        let mut job = job("rj-1", "b-1", "docs", Some(created), Status::Completed);
        job.facts.completed_at = Some(format!("2026-11-26T{ended}Z").parse().unwrap());
        job
    }

    fn judged(since: Since, source: Option<&IndexSource>, jobs: &[Observation]) -> String {
        let index = source.map(|source| FoundIndex { source: source.clone(), is_never_ready: false });
        judged_by(since, index.as_ref(), jobs)
    }

    fn judged_by(since: Since, index: Option<&FoundIndex>, jobs: &[Observation]) -> String {
        let backup = BackupId::parse("b-1").unwrap();
        let sought = Sought { backup: &backup, index: "docs", since };
        match sought.judge(index, jobs) {
            Verdict::Job(job) => job.id.to_string(),
            Verdict::IndexAlone => "index alone".to_owned(),
            Verdict::Another(backup) => format!("of {}", backup.unwrap_or("none")),
            Verdict::Uncertain => "uncertain".to_owned(),
        }
    }

    fn after() -> Since {
        Since::After(SENT.parse().unwrap())
    }

    #[test]
    fn the_source_of_the_index_decides_if_it_is_said() {
        let [ours, other] = ["b-1", "b-2"].map(|backup| IndexSource::Backup(backup.to_owned()));
        let jobs = [pending("rj-1", "b-1", "09:00:00"), pending("rj-2", "b-1", "11:00:00")];
        let late = [pending("rj-1", "b-1", "09:00:00"), pending("rj-2", "b-1", "12:00:01")];
        assert_eq!(judged(Since::Ever, Some(&ours), &jobs), "rj-2");
        assert_eq!(judged(after(), Some(&ours), &late), "rj-2");
        for since in [after(), Since::Unknown] {
            assert_eq!(judged(since, Some(&ours), &jobs), "index alone", "no job since the request");
        }
        for since in [Since::Ever, after(), Since::Unknown] {
            assert_eq!(judged(since, Some(&ours), &[]), "index alone");
            assert_eq!(judged(since, Some(&other), &jobs), "of b-2");
            assert_eq!(judged(since, Some(&IndexSource::NoBackup), &jobs), "of none");
        }
    }

    #[test]
    fn a_job_since_the_request_is_the_one_that_was_asked_for() {
        for (jobs, expected) in [
            (vec![], "uncertain"),
            (vec![pending("rj-1", "b-1", "12:00:01")], "rj-1"),
            (vec![pending("rj-1", "b-1", "11:59:00")], "rj-1"),
            (vec![pending("rj-1", "b-1", "11:58:59")], "uncertain"),
            (vec![pending("rj-1", "b-2", "12:00:01")], "uncertain"),
            (vec![job("rj-1", "b-1", "other", Some("12:00:01"), Status::Pending)], "uncertain"),
            (vec![job("rj-1", "b-1", "docs", None, Status::Pending)], "uncertain"),
            (vec![pending("rj-1", "b-1", "11:00:00"), pending("rj-2", "b-1", "12:00:01")], "rj-2"),
            (vec![job("rj-1", "b-1", "docs", Some("12:00:01"), Status::Failed)], "rj-1"),
            (vec![job("rj-1", "b-1", "docs", Some("11:59:30"), Status::Failed)], "uncertain"),
            (vec![completed("11:59:10", "11:59:50")], "uncertain"),
            (vec![completed("11:59:10", "12:00:20")], "rj-1"),
        ] {
            for source in [None, Some(&IndexSource::Unsaid)] {
                assert_eq!(judged(after(), source, &jobs), expected, "{jobs:?}");
            }
        }
    }

    #[test]
    fn no_old_job_is_taken_for_an_index_that_is_gone_or_going() {
        let jobs = [pending("rj-1", "b-1", "01:00:00")];
        assert_eq!(judged(Since::Ever, None, &jobs), "uncertain");

        for (source, expected) in
            [(IndexSource::Unsaid, "uncertain"), (IndexSource::Backup("b-1".to_owned()), "index alone")]
        {
            let going = FoundIndex { source, is_never_ready: true };
            assert_eq!(judged_by(Since::Ever, Some(&going), &jobs), expected);
        }
    }

    #[test]
    fn without_the_time_of_the_server_no_job_is_taken() {
        assert_eq!(judged(Since::Unknown, None, &[pending("rj-1", "b-1", "12:00:01")]), "uncertain");
    }

    #[test]
    fn an_index_that_exists_is_of_its_newest_job() {
        let failed = |id, backup, created| job(id, backup, "docs", Some(created), Status::Failed);
        for (jobs, expected) in [
            (vec![], "uncertain"),
            (vec![pending("rj-1", "b-1", "01:00:00")], "rj-1"),
            (vec![pending("rj-1", "b-2", "01:00:00")], "of b-2"),
            (vec![pending("rj-1", "b-1", "02:00:00"), pending("rj-2", "b-2", "01:00:00")], "rj-1"),
            (vec![pending("rj-1", "b-1", "01:00:00"), pending("rj-2", "b-2", "02:00:00")], "of b-2"),
            (vec![pending("rj-1", "b-1", "01:00:00"), failed("rj-2", "b-2", "02:00:00")], "rj-1"),
            (vec![failed("rj-2", "b-2", "02:00:00")], "uncertain"),
            (vec![failed("rj-1", "b-1", "02:00:00")], "uncertain"),
            (
                vec![job("rj-1", "b-1", "docs", None, Status::Pending), pending("rj-2", "b-2", "01:00:00")],
                "uncertain",
            ),
            (vec![job("rj-1", "b-1", "docs", None, Status::Pending)], "rj-1"),
        ] {
            assert_eq!(judged(Since::Ever, Some(&IndexSource::Unsaid), &jobs), expected, "{jobs:?}");
        }
    }
}
