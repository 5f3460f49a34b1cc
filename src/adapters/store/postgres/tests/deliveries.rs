//! Deliveries that are changed beside the active replica.

use super::*;
use crate::adapters::store::samples::{change, delivery, entry, full, noon, update};
use crate::adapters::store::{DeliveryFilter, Holder};
use crate::engine::{Batch, DeliveryChange};
use crate::model::DeliveryState;

#[test]
fn active_replica_is_named() {
    let Some(backend) = database() else { return };
    let mut settings = backend.settings.clone();
    settings.cluster.replica = Some("a".to_owned());
    let backend = Postgres::at(&settings);

    let store = backend.open(None).unwrap().store;
    let admin = backend.administer().unwrap();

    assert_eq!(admin.daemon(), Some(&Holder { name: Some("replica a".to_owned()) }));
    drop(store);
    assert_eq!(backend.administer().unwrap().daemon(), None, "it gave the lease back");
}

#[test]
fn filters_select_deliveries_by_their_text() {
    let Some(backend) = database() else { return };
    let store = backend.open(None).unwrap().store;
    contract::commit(&*store, &full(), Vec::new()).unwrap();
    let admin = backend.administer().unwrap();
    let found = |filter: DeliveryFilter| {
        let rows = admin.list(&filter, 9).unwrap();
        rows.into_iter().map(|row| (row.id, row.sink)).collect::<Vec<_>>()
    };
    let any = DeliveryFilter::default;

    let of = |number, sink: &str| (delivery(number, sink).event, sink.to_owned());
    let all = [of(2, "log"), of(2, "ops"), of(1, "ops")];
    assert_eq!(found(any()), all);
    let id = delivery(2, "ops").event.into();
    assert_eq!(found(DeliveryFilter { id: Some(id), ..any() }), all[..2]);
    assert_eq!(found(DeliveryFilter { job: Some("rj-1".to_owned()), ..any() }), all);
    for text in ["%", "' OR true --", "\\", "rj-2"] {
        let text = Some(text.to_owned());
        assert_eq!(found(DeliveryFilter { sink: text.clone(), ..any() }), []);
        assert_eq!(found(DeliveryFilter { project: text.clone(), ..any() }), []);
        assert_eq!(found(DeliveryFilter { job: text, ..any() }), []);
    }
}

/// Commits and changes by hand meet on the same rows, and each row is as one of them left it.
#[test]
fn changes_by_hand_and_commits_do_not_mix() {
    const ROUNDS: u8 = 40;
    let Some(backend) = database() else { return };
    let store = backend.open(None).unwrap().store;
    let entries = (0..ROUNDS).map(|number| entry(number, &["log", "ops"])).collect();
    contract::commit(&*store, &Batch { entries, ..Batch::default() }, Vec::new()).unwrap();

    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut admin = backend.administer().unwrap();
            for _ in 0..ROUNDS {
                admin.discard(&DeliveryFilter::default(), noon()).unwrap();
                admin.retry(&DeliveryFilter::default(), noon()).unwrap();
            }
        });
        // In the other order than a scan of the rows.
        for number in (0..ROUNDS).rev() {
            let deliveries = vec![
                update(number, "ops", DeliveryChange::Delivered),
                update(number, "log", DeliveryChange::Dead),
                update(0, "log", DeliveryChange::Dead),
            ];
            contract::commit(&*store, &Batch { deliveries, ..Batch::default() }, Vec::new()).unwrap();
        }
    });

    let rows = backend.administer().unwrap().list(&DeliveryFilter::default(), usize::MAX).unwrap();
    assert_eq!(rows.len(), 2 * usize::from(ROUNDS));
    for row in rows {
        assert_eq!(row.next_attempt_at.is_some(), row.state == DeliveryState::Pending, "{row:?}");
        assert_eq!(row.sink == "ops", row.state == DeliveryState::Delivered, "{row:?}");
    }
}

#[test]
fn edit_reaches_the_replica_that_starts_next() {
    let Some(backend) = database() else { return };
    let store = backend.open(None).unwrap().store;
    contract::commit(&*store, &full(), Vec::new()).unwrap();
    contract::commit(&*store, &change(1, "ops", DeliveryChange::Dead), Vec::new()).unwrap();
    drop(store);

    let retried = backend.administer().unwrap().retry(&DeliveryFilter::default(), noon());

    assert_eq!(retried, Ok(3));
    let opened = backend.open(None).unwrap();
    assert_eq!((opened.snapshot.deliveries.len(), opened.snapshot.dead_letters.len()), (3, 0));
}
