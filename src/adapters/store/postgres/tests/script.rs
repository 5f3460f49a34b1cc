//! A database that a person prepared for a role that may make no tables.

use super::postgres_server::{PostgresServer, ROLE};
use super::*;
use crate::adapters::store::postgres_script;
use crate::adapters::store::samples::full;

#[test]
fn role_without_rights_to_create_works_after_the_script() {
    let Some(server) = PostgresServer::shared() else { return };
    server.psql("postgres", "CREATE DATABASE prepared TEMPLATE template0");
    let backend = Postgres::at(&settings(&server.url("prepared")));
    let refused = backend.open(None).err().unwrap();

    server.psql("prepared", &postgres_script(Some(ROLE)));
    contract::commit(&*backend.open(None).unwrap().store, &full(), Vec::new()).unwrap();

    assert!(refused.help.contains("restore-watch schema postgres"), "{}", refused.help);
    assert_eq!(backend.open(None).unwrap().snapshot.jobs, full().jobs);
    assert!(
        server.try_psql("prepared", &format!("SET ROLE {ROLE}; CREATE TABLE restore_watch.t ()")).is_err()
    );
}

#[test]
fn script_without_a_role_only_names_the_rights() {
    let script = postgres_script(None);

    let grants: Vec<_> = script.lines().filter(|line| line.contains("GRANT")).collect();
    assert_eq!(grants.len(), 3);
    assert!(grants.iter().all(|line| line.starts_with("-- ") && line.ends_with("TO ROLE;")), "{grants:?}");
    assert!(postgres_script(Some("o'Neil \"x\"")).contains("TO \"o'Neil \"\"x\"\"\";"));
}
