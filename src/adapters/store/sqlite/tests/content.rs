//! What a file keeps.

use proptest::prelude::*;

use super::*;
use crate::adapters::store::samples::entry;
use crate::engine::BatchEntry;
use crate::model::{SinkName, Status};

#[test]
fn a_batch_with_an_id_that_is_taken_is_refused() {
    let place = Place::filled();
    let opened = open(&place.path());
    let broken = Batch { entries: vec![entry(2, &[])], ..Batch::default() };
    let error = commit(&opened.store, &broken, Vec::new()).unwrap_err();
    assert!(error.to_string().contains("UNIQUE constraint failed"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_kept_as_it_is(name in "\\PC{0,40}", status in "\\PC{0,40}", reason in any::<String>()) {
        let place = Place::new();
        let opened = open(&place.path());
        let mut emitted = event(1);
        emitted.reason = Some(reason);
        emitted.status = Some(Status::parse(&status));
        emitted.job.as_mut().unwrap().name = Some(name.clone());
        let recipients = vec![SinkName::new(name.clone())];
        let entry = BatchEntry { event: Arc::new(emitted.clone()), recipients };

        commit(&opened.store, &Batch { entries: vec![entry], ..Batch::default() }, Vec::new()).unwrap();

        let id = DeliveryId { event: emitted.id, sink: SinkName::new(name) };
        prop_assert_eq!(payload(&opened.store, &id).unwrap().event, emitted);
    }
}
