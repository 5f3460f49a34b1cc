//! Restores for the tests of what shows them.

use std::time::Duration;

use crate::model::{DeliveryCounts, Elapsed, EndedRestore, JobFacts, JobId, JobRef, Outcome, ProjectName};

pub(in crate::cli) fn completed() -> EndedRestore {
    let facts = JobFacts {
        backup_id: Some("7f3a1c52-0b7e-4c2f-9d7e-3f1d2c5b8a90".to_owned()),
        target_index_name: Some("orders-2026-11-25".to_owned()),
        target_index_id: None,
        created_at: Some("2026-11-25T03:00:10Z".parse().unwrap()),
        completed_at: Some("2026-11-25T03:12:15Z".parse().unwrap()),
        percent_complete: Some(100.0),
    };
    EndedRestore {
        project: ProjectName::new("production"),
        job: JobRef { id: JobId::new("670e8400-e29b-41d4-a716-446655440001").unwrap(), name: None, facts },
        outcome: Outcome::Completed,
        end_observed_at: "2026-11-25T03:12:17.100Z".parse().unwrap(),
        elapsed: Elapsed::Exact(Duration::from_secs(725)),
        detection_delay_seconds: Some(2.1),
        deliveries: DeliveryCounts { delivered: 3, ..DeliveryCounts::default() },
    }
}

pub(in crate::cli) fn failed() -> EndedRestore {
    let completed = completed();
    let facts = JobFacts {
        target_index_name: Some("users".to_owned()),
        created_at: Some("2026-11-25T23:58:00Z".parse().unwrap()),
        completed_at: None,
        percent_complete: None,
        ..completed.job.facts
    };
    let id = JobId::new("94a63aeb-efae-4f7a-b059-75d32c27ca57").unwrap();
    EndedRestore {
        job: JobRef { id, name: Some("nightly".to_owned()), facts },
        outcome: Outcome::Failed,
        end_observed_at: "2026-11-26T00:10:05Z".parse().unwrap(),
        elapsed: Elapsed::AtMost {
            bound: Duration::from_secs(725),
            seen_running: Some(Duration::from_secs(710)),
        },
        detection_delay_seconds: None,
        deliveries: DeliveryCounts { delivered: 2, dead: 1, ..DeliveryCounts::default() },
        ..completed
    }
}
