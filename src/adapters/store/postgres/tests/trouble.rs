//! What is wrong with a database, and what is said about it.

use super::*;
use crate::adapters::store::OpenErrorClass::{Misconfigured, Unreachable, Unusable};

/// The error of a look at this state.
async fn error(settings: &PostgresSettings) -> OpenError {
    named(settings, "a").look().await.err().expect("it cannot be used")
}

#[track_caller]
fn says(error: &OpenError, class: OpenErrorClass, message: &str, help: &str) {
    assert_eq!(error.class, class, "{error:?}");
    assert!(error.message.contains(message), "{error:?}");
    assert!(error.help.contains(help), "{error:?}");
}

/// The same database, for another role.
fn as_role(of: &PostgresSettings, role: &str) -> PostgresSettings {
    let url = PostgresServer::shared().unwrap().url(&database(of));
    PostgresSettings {
        address: settings(&url.replace("//watch@", &format!("//{role}@"))).address,
        ..of.clone()
    }
}

fn database(settings: &PostgresSettings) -> String {
    Database::of(settings).unwrap().name().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string().replace('/', "%2F");
    let settings = settings(&format!("postgresql://watch@{place}/nothing"));

    let error = error(&settings).await;

    says(
        &error,
        Unreachable,
        "cannot open the state PostgreSQL database nothing at ",
        "PostgreSQL runs there",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_is_named_with_its_statement() {
    let Some(server) = PostgresServer::shared() else { return };

    let error = error(&settings(&server.url("no_such_db"))).await;

    says(&error, Misconfigured, "\"no_such_db\" does not exist", "CREATE DATABASE no_such_db OWNER watch;");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_misconfigured() {
    let Some(server) = PostgresServer::new(Options { passwords: true, ..Options::default() }) else { return };
    server.psql("postgres", "ALTER ROLE watch PASSWORD 'right'");
    let url = server.create_database("secret");

    let error = error(&settings(&url.replace("//watch@", "//watch:canary@"))).await;
    says(&error, Misconfigured, "password authentication failed", "check the user name and the password");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");

    let right = settings(&url.replace("//watch@", "//watch:right@"));
    take(&mut *named(&right, "a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_named_with_their_statements() {
    let Some(settings) = fresh() else { return };
    let (server, name) = (PostgresServer::shared().unwrap(), database(&settings));
    let role = unique("guest");
    server.psql("postgres", &format!("CREATE ROLE {role} LOGIN"));
    let guest = as_role(&settings, &role);

    let none = error(&guest).await;
    says(
        &none,
        Misconfigured,
        "may not make the tables",
        &format!("GRANT CREATE ON DATABASE {name} TO {role}"),
    );

    // The owner makes the tables.
    drop(take(&mut *named(&settings, "a")).await);
    let no_usage = error(&guest).await;
    let grant = format!("GRANT USAGE ON SCHEMA restore_watch TO {role};");
    says(&no_usage, Misconfigured, "permission denied for schema restore_watch", &grant);

    server.psql(&name, &grant);
    server.psql(&name, &format!("GRANT SELECT ON ALL TABLES IN SCHEMA restore_watch TO {role}"));
    let no_write = error(&guest).await;
    let grant =
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA restore_watch TO {role};");
    says(&no_write, Misconfigured, "may not use the table", &grant);

    server.psql(&name, &grant);
    let opened = take(&mut *named(&guest, "b")).await;
    opened.store.commit(crate::adapters::store::samples::full().into(), Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_schema_made_for_the_role_is_filled() {
    let Some(settings) = fresh() else { return };
    let (server, name) = (PostgresServer::shared().unwrap(), database(&settings));
    let role = unique("guest");
    server
        .psql(&name, &format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA restore_watch AUTHORIZATION {role}"));

    take(&mut *named(&as_role(&settings, &role), "a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_program_is_refused() {
    let Some(settings) = fresh() else { return };
    sql(&settings, "CREATE SCHEMA restore_watch; CREATE TABLE restore_watch.clusters (id integer)").await;

    let error = error(&settings).await;

    says(&error, Misconfigured, "it is not a state of restore-watch", "another database");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_before_and_after_the_start() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    let store = take(&mut *replica).await.store;
    store.give_back().await.unwrap();
    sql(&settings, "UPDATE restore_watch.schema_version SET version = 99").await;

    let running = replica.look().await.err().expect("it is newer");
    let started = error(&settings).await;

    for error in [running, started] {
        says(&error, Unusable, "version 99, this program knows 1", "use the newer version");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_writes_is_unreachable() {
    let Some(settings) = fresh() else { return };
    let (server, name) = (PostgresServer::shared().unwrap(), database(&settings));
    server.psql(&name, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));

    let error = error(&settings).await;

    says(&error, Unreachable, "takes no writes now", "name the primary");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_tls_are_said_in_words() {
    let options = Options { tcp: true, certified_for: Some("localhost"), ..Options::default() };
    let Some(server) = PostgresServer::new(options) else { return };
    server.create_database("tls");
    let of = |host: &str, ca_file| {
        let url = format!("{}?sslmode=require", server.tcp_url(host, "tls"));
        PostgresSettings { ca_file, ..settings(&url) }
    };

    let unknown = error(&of("localhost", None)).await;
    says(&unknown, Misconfigured, "an authority that is not trusted here", "[state] ca_file");

    take(&mut *named(&of("localhost", Some(server.ca_file())), "a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_refused() {
    let options = Options { tcp: true, certified_for: Some("db.example"), ..Options::default() };
    let Some(server) = PostgresServer::new(options) else { return };
    server.create_database("tls");
    let url = format!("{}?sslmode=require", server.tcp_url("localhost", "tls"));

    let error = error(&PostgresSettings { ca_file: Some(server.ca_file()), ..settings(&url) }).await;

    says(&error, Misconfigured, "is for `db.example` alone", "the certificate of the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused_where_it_is_needed() {
    let Some(server) = PostgresServer::new(Options { tcp: true, ..Options::default() }) else { return };
    server.create_database("plain");

    let url = server.tcp_url("localhost", "plain");
    let error = error(&settings(&format!("{url}?sslmode=require"))).await;
    says(&error, Misconfigured, "does not speak TLS", "[state] postgres");

    take(&mut *named(&settings(&url), "a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_left_to_another_replica() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    let store = take(&mut *replica).await.store;
    store.commit(crate::adapters::store::samples::full().into(), Vec::new()).await.unwrap();
    store.give_back().await.unwrap();
    sql(&settings, "UPDATE restore_watch.jobs SET record = '{}'").await;

    let error = replica.look().await.err().expect("a record that is damaged");

    says(&error, Unusable, "cannot open the state", "restore the database from a backup");
    let lease = sql(&settings, "SELECT token FROM restore_watch.clusters").await;
    assert_eq!(lease[0][0].get(0), None, "it is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_schema_of_another_role_is_named_with_its_statement() {
    let Some(settings) = fresh() else { return };
    let (server, name) = (PostgresServer::shared().unwrap(), database(&settings));
    let role = unique("guest");
    server.psql(&name, &format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA restore_watch"));
    let guest = as_role(&settings, &role);

    let error = error(&guest).await;

    let grant = format!("GRANT USAGE, CREATE ON SCHEMA restore_watch TO {role};");
    says(&error, Misconfigured, "may not make the tables", &grant);
    server.psql(&name, &grant);
    take(&mut *named(&guest, "a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_connect_gets_its_statement() {
    let Some(settings) = fresh() else { return };
    let (server, name) = (PostgresServer::shared().unwrap(), database(&settings));
    let role = unique("guest");
    server.psql(
        "postgres",
        &format!("CREATE ROLE {role} LOGIN; REVOKE CONNECT ON DATABASE {name} FROM PUBLIC"),
    );
    let guest = as_role(&settings, &role);

    let refused = error(&guest).await;

    let grant = format!("GRANT CONNECT ON DATABASE {name} TO {role};");
    says(&refused, Misconfigured, "permission denied for database", &grant);
    server.psql("postgres", &grant);
    says(&error(&guest).await, Misconfigured, "may not make the tables", "GRANT CREATE ON DATABASE");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_programs_schema_is_refused_without_rights_on_it() {
    let Some(settings) = fresh() else { return };
    let (server, name) = (PostgresServer::shared().unwrap(), database(&settings));
    server.psql(&name, "CREATE SCHEMA restore_watch; CREATE TABLE restore_watch.jobs (other integer)");

    let error = error(&settings).await;

    says(&error, Misconfigured, "it is not a state of restore-watch", "another database");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_password_is_said_in_words() {
    let Some(server) = PostgresServer::new(Options { passwords: true, ..Options::default() }) else { return };
    let url = server.create_database("secret");

    let error = error(&settings(&url)).await;

    says(&error, Misconfigured, "asks for a password, and the address has none", "a file or a credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_gone_are_left_to_people() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    drop(take(&mut *replica).await);
    sql(&settings, "DROP SCHEMA restore_watch CASCADE").await;
    replica.look().await.err().expect("there is no table");

    let gone = replica.look().await.err().expect("there is no schema");
    says(&gone, Unusable, "are gone", "restart this replica");

    take(&mut *named(&settings, "a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_term_waits_for_its_own_lease() {
    let Some(settings) = fresh() else { return };
    let mut replica = named(&settings, "a");
    let first = take(&mut *replica).await;
    drop(first);

    replica.fail(Duration::ZERO);

    assert!(stands_by(&mut *replica).await, "its lease is still there");
    take(&mut *replica).await;
}
