//! The database: what it keeps, and which process may use it.

#[expect(dead_code, unreachable_pub, reason = "shared by tests that each use a part")]
#[path = "../../../../../tests/support/postgres_server.rs"]
mod postgres_server;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use postgres_server::PostgresServer;

use super::*;
use crate::adapters::store::contract;
use crate::config::{ClusterSettings, PostgresAddress};

/// A state in a database of its own; none if there is no PostgreSQL here.
pub(super) fn fresh() -> Option<Postgres> {
    static COUNT: AtomicU32 = AtomicU32::new(0);

    let server = PostgresServer::shared()?;
    let url = server.create_database(&format!("store_{}", COUNT.fetch_add(1, Ordering::SeqCst)));
    Some(Postgres::at(&settings(&url)))
}

pub(super) fn settings(url: &str) -> PostgresSettings {
    PostgresSettings {
        address: PostgresAddress::Given(url.to_owned()),
        ca_file: None,
        allow_plaintext: false,
        cluster: ClusterSettings { lease: Duration::from_secs(3), ..ClusterSettings::default() },
    }
}

#[test]
fn the_database_keeps_the_contract_of_a_store() {
    let Some(backend) = fresh() else { return };
    contract::of_store(&*backend.open(None).unwrap().store);
}
