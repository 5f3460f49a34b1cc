//! The database: what it keeps, which process may use it, and what is wrong with it.

mod content;
mod deliveries;
mod fence;
mod import;
mod lease;
#[expect(dead_code, unreachable_pub, reason = "shared by tests that each use a part")]
#[path = "../../../../../tests/support/postgres_server.rs"]
mod postgres_server;
mod probing;
mod reading;
mod requests;
mod script;
mod trouble;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use postgres_server::{Options, PostgresServer};

use super::connection::Database;
use super::link::Link;
use super::*;
use crate::adapters::store::samples::noon;
use crate::adapters::store::{Look, contract};
use crate::config::{ClusterSettings, ConnectionString, PostgresAddress};

/// What is asked directly takes no longer.
const LIMIT: Duration = Duration::from_secs(10);

/// A name that no other test of this process has.
fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);

    format!("{what}_{}", COUNT.fetch_add(1, Ordering::SeqCst))
}

/// A database of its own; none if there is no `PostgreSQL` here.
fn fresh() -> Option<PostgresSettings> {
    let server = PostgresServer::shared()?;
    Some(settings(&server.create_database(&unique("store"))))
}

/// A state in a database of its own; none if there is no PostgreSQL here.
fn database() -> Option<Postgres> {
    fresh().map(|settings| Postgres::at(&settings))
}

fn settings(url: &str) -> PostgresSettings {
    PostgresSettings {
        address: PostgresAddress::Given(ConnectionString::parse(url, false).unwrap()),
        ca_file: None,
        allow_plaintext: false,
        cluster: ClusterSettings {
            replica: Some("a".to_owned()),
            lease: Duration::from_secs(3),
            ..ClusterSettings::default()
        },
    }
}

/// The same state, for a replica of this name.
fn named(settings: &PostgresSettings, name: &str) -> Box<dyn Replica> {
    let mut settings = settings.clone();
    settings.cluster.replica = Some(name.to_owned());
    Postgres::at(&settings).replica(Clock::system()).unwrap()
}

/// Looks until the lease is taken.
async fn take(replica: &mut dyn Replica) -> Opened {
    for _ in 0..300 {
        if let Look::Taken(opened) = replica.look().await.unwrap() {
            return opened;
        }
        tokio::time::sleep(replica.look_interval().min(Duration::from_millis(100))).await;
    }
    panic!("the lease is not taken: {:?}", replica.cluster());
}

async fn stands_by(replica: &mut dyn Replica) -> bool {
    matches!(replica.look().await.unwrap(), Look::Standby)
}

/// A connection beside those of the store.
fn link(settings: &PostgresSettings) -> Link {
    Link::to(&std::sync::Arc::new(Database::of(settings).unwrap()))
}

/// Runs SQL beside the store.
async fn sql(settings: &PostgresSettings, sql: &str) -> super::link::Answer {
    link(settings).ask(sql, LIMIT).await.unwrap()
}

#[test]
fn the_database_keeps_the_contract_of_a_store() {
    let Some(settings) = fresh() else { return };
    let mut fresh = || -> Box<dyn Backend> {
        let mut settings = settings.clone();
        settings.cluster.name = unique("cluster");
        Box::new(Postgres::at(&settings))
    };

    contract::of_backend(&mut fresh);
}

#[test]
fn a_held_lease_is_not_taken_by_opening() {
    let Some(settings) = fresh() else { return };
    let first = Postgres::at(&settings).open(None).unwrap();

    for set_aside in [None, Some(noon())] {
        let second = Postgres::at(&settings).open(set_aside).err().expect("it is leased");
        assert_eq!(second.class, OpenErrorClass::Unusable, "{second}");
        assert!(second.to_string().contains("is in use by the replica a"), "{second}");
    }
    drop(first);

    let aside = Postgres::at(&settings).open(Some(noon())).err().expect("none is set aside");
    assert!(aside.help.contains("[cluster] name"), "{aside:?}");
    Postgres::at(&settings).open(None).unwrap();
}

/// Runs SQL as superuser in the database of a state.
fn psql(backend: &Postgres, sql: &str) -> String {
    let address = backend.settings.read_address().unwrap();
    PostgresServer::shared().unwrap().psql(address.database(), sql)
}
