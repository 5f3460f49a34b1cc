//! `[[backup]]` and `[restore]`: backups, and the restores that clients start.

use serde::Deserialize;
use toml::Spanned;

use super::job::{CreatedAt, JobScript, ProgressScript};
use super::value::Period;

/// `[[backup]]`: a backup that can be restored. Without any, every id is that of a ready one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct BackupScript {
    pub(in crate::simulate) id: Spanned<String>,
    /// Its status, sent as written. Only a backup that is `Ready` (default) can be restored.
    pub(in crate::simulate) status: Option<String>,
    /// Scenario time before which it is `Initializing`. Default 0.
    #[serde(default)]
    pub(in crate::simulate) ready_after: Period,
}

impl BackupScript {
    /// Its status at a scenario time.
    pub(in crate::simulate) fn status_at(&self, at: std::time::Duration) -> &str {
        if at < self.ready_after.0 { "Initializing" } else { self.status.as_deref().unwrap_or(READY) }
    }
}

/// The status of a backup that can be restored.
pub(in crate::simulate) const READY: &str = "Ready";

/// `[restore]`: how the restores develop that `POST /backups/{id}/create-index` starts. Without it,
/// each takes 10 s, and its index is ready 2 s later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct RestoreScript {
    /// The id of the first one; `-2`, `-3`, … is added to it for the next ones. Default: a UUID.
    pub(in crate::simulate) id: Option<String>,
    /// From its start to its end. Default: it never ends.
    pub(in crate::simulate) takes: Option<Period>,
    /// The status it ends with, as that of a job.
    pub(in crate::simulate) ends: Option<String>,
    /// From its completion to its index being ready. Default 0.
    #[serde(default)]
    pub(in crate::simulate) ready_after: Period,
    /// `created_at = "null"`: it has no start time. Default `"known"`.
    #[serde(default)]
    pub(in crate::simulate) created_at: CreatedAt,
}

impl Default for RestoreScript {
    fn default() -> Self {
        let seconds = |seconds| Period(std::time::Duration::from_secs(seconds));
        Self {
            id: None,
            takes: Some(seconds(10)),
            ends: None,
            ready_after: seconds(2),
            created_at: CreatedAt::Known,
        }
    }
}

impl RestoreScript {
    /// The script of a job that develops like this.
    pub(in crate::simulate) fn job(&self) -> JobScript {
        JobScript {
            id: Spanned::new(0..0, String::new()),
            backup_id: None,
            index: None,
            index_id: None,
            age: Period::default(),
            appears: Period::default(),
            vanishes: None,
            takes: self.takes,
            ends: self.ends.clone(),
            end_time: None,
            pending_status: None,
            statuses: Vec::new(),
            progress: ProgressScript::None,
            created_at: self.created_at,
            extra: toml::Table::new(),
            count: None,
            age_step: Period::default(),
            takes_step: Period::default(),
            ready_after: self.ready_after,
        }
    }
}
