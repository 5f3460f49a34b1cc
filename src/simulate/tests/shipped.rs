//! The scenarios that come with the program.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::super::{SHIPPED, Scenario};
use super::{client, get_with, pass, play};
use crate::model::Status;

#[test]
fn each_is_read_and_each_file_is_shipped() {
    for (name, text) in SHIPPED {
        let scenario: Scenario = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!scenario.job_ids().is_empty(), "{name}");
        assert!(Scenario::shipped(name).is_some());
    }

    assert!(!Scenario::demo().job_ids().is_empty());

    let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    // Of `demo --http` alone.
    names.push("demo-page");
    names.sort_unstable();

    assert_eq!(files, names);
}

#[tokio::test(start_paused = true)]
async fn the_demo_is_over_in_twenty_seconds() {
    let simulator = play(SHIPPED[0].1).await;
    let (scenario, client) = (Scenario::demo(), client());
    let mut ends = HashMap::new();
    while ends.len() < scenario.job_ids().len() {
        for id in scenario.job_ids().iter().filter(|id| !ends.contains_key(*id)).cloned().collect::<Vec<_>>()
        {
            let response = get_with(&client, &simulator, &format!("/restore-jobs/{id}")).await.unwrap();
            if response.status() == 200 {
                let job: Value = response.json().await.unwrap();
                let status = Status::parse(job["status"].as_str().unwrap());
                status.is_terminal().then(|| ends.insert(id, status));
            }
        }
        pass(0.5).await;
    }

    let last = simulator.requests().last().unwrap().at;

    assert!((13.0..20.0).contains(&last.as_secs_f64()), "{last:?}");

    let count = |status: &Status| ends.values().filter(|end| *end == status).count();
    assert_eq!(
        [Status::Completed, Status::Failed, Status::Cancelled].map(|status| count(&status)),
        [5, 1, 1]
    );

    let answered: HashSet<u16> = simulator.requests().iter().filter_map(|request| request.answered).collect();
    assert_eq!(answered, HashSet::from([200, 404, 429, 503]));
}
