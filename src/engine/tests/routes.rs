//! Who gets an event: decided when it is committed.

use EventKind::{Completed, NotFound, ProjectUnauthorized, Watched};

use super::*;
use crate::config::IndexPattern;

/// A sink that gets events of restores into indexes that match.
fn into(name: &str, pattern: &str) -> SinkPlan {
    let indexes = vec![IndexPattern::parse(pattern).unwrap()];
    SinkPlan { route: Route { indexes, ..Route::new(EventFilter::all()) }, ..sink(name) }
}

impl Stage {
    fn answer_about(&mut self, status: &str, index: &str) {
        let poll = self.poll();
        let facts = JobFacts { target_index_name: Some(index.to_owned()), ..JobFacts::default() };
        self.answer_with(poll, status, facts);
    }

    /// The deliveries that are under way, by sink and type of event.
    fn under_way(&self) -> Vec<(&str, EventKind)> {
        let of = |delivery| -> (&str, EventKind) {
            let delivery: &Delivery = delivery;
            (delivery.id.sink.as_str(), self.kind(delivery))
        };
        self.deliveries.iter().map(of).collect()
    }
}

#[test]
fn event_goes_to_the_sinks_whose_filters_it_passes() {
    let sinks = vec![into("prod", "prod-*"), into("test", "test-*"), sink("all")];
    let mut stage = Stage::new(&[project(&["a"])], sinks);

    stage.answer_about("Pending", "prod-docs");

    let mut found = stage.under_way();
    found.sort_unstable();
    assert_eq!(found, [("all", Watched), ("prod", Watched)]);
    let recorded = stage.disk.deliveries.iter().map(|(record, _)| record.id.sink.as_str());
    assert!(recorded.clone().count() == 2 && !recorded.clone().any(|sink| sink == "test"));
}

#[test]
fn reload_changes_the_recipients_of_later_events_only() {
    let mut stage = Stage::new(&[project(&["a"])], vec![into("one", "prod-*"), into("two", "test-*")]);
    stage.answer_about("Pending", "prod-docs");
    assert_eq!(stage.under_way(), [("one", Watched)]);

    // The other way round, while the first delivery is under way.
    let swapped = || vec![into("one", "test-*"), into("two", "prod-*")];
    stage.command(Command::Reconfigure(plan(&[project(&["a"])], swapped())));
    stage.answer_about("Completed", "prod-docs");
    assert_eq!(stage.under_way(), [("one", Watched), ("two", Completed)]);

    let first = stage.deliveries.pop_front().unwrap();
    stage.step(Input::DeliveryFailed { id: first.id.clone(), failure: failure(FailureClass::Transient) });
    stage.restart(seconds(1), &[project(&["a"])], swapped());
    while stage.deliveries.len() < 2 {
        stage.next();
    }
    let mut found = stage.under_way();
    found.sort_unstable();
    assert_eq!(found, [("one", Watched), ("two", Completed)], "after a restart, too");
}

#[test]
fn end_of_a_restore_into_an_unknown_index_reaches_all() {
    let mut excluding = sink("two");
    excluding.route.exclude_indexes = vec![IndexPattern::parse("*").unwrap()];
    let mut stage = Stage::new(&[project(&["a"])], vec![into("one", "prod-*"), excluding]);

    stage.fail_for(FailureClass::NotFound, seconds(70));

    assert_eq!(stage.under_way(), [("one", NotFound), ("two", NotFound)]);
}

#[test]
fn event_of_a_project_passes_filters_of_restores() {
    let mut named = into("one", "prod-*");
    named.route.names = vec![crate::config::NamePattern::new("nightly")];
    let mut elsewhere = sink("two");
    elsewhere.route.projects = vec![crate::config::NamePattern::new("other")];
    let mut stage = Stage::new(&[project(&["a"])], vec![named, elsewhere]);

    stage.fail_for(FailureClass::Unauthorized, seconds(70));

    assert_eq!(stage.under_way(), [("one", ProjectUnauthorized)]);
}
