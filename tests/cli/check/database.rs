//! `check` of a state in a database.

use super::*;

#[test]
#[cfg(feature = "postgres")]
fn database_of_the_state_is_described() {
    let folder = Folder::new();
    folder.write("url", "postgresql://rw:canary@db.example:6432/restores");
    folder.write("bad-url", "mysql://rw:canary@db.example/restores");
    let state = |postgres: &str| format!("jobs = []\n[state]\npostgres = {postgres}\n");

    let given =
        state("\"postgresql://rw@db.example/restores\"") + "[cluster]\nname = \"eu\"\nreplica = \"a\"\n";
    let done = check(&folder, &given, &[]).expect(0);
    let said = "\nstate\n  kept in   PostgreSQL database restores at db.example, cluster eu\n  role      rw, with TLS\n  \
                cluster   eu\n  replica   a\n  lease     15s\n  kept for  30d ";
    assert!(done.stdout.contains(said), "{}", done.stdout);

    let secret = state("{ file = \"url\" }\nallow_plaintext = true");
    let done = check(&folder, &secret, &["--secrets"]).expect(0);
    let url = format!("{}/url", folder.path().display());
    for said in [
        &format!("  kept in   PostgreSQL at the address from file {url}, cluster default\n"),
        "  allows    connections without TLS\n  cluster   default\n  replica   called by the host name\n",
        &format!("  ok      state: address from file {url}\n"),
    ] {
        assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
    }

    let done =
        check(&folder, &state("{ file = \"bad-url\" }\nca_file = \"none.pem\""), &["--secrets"]).expect(78);
    for said in ["is no address of PostgreSQL\n  help: write it like postgresql://", "none.pem"] {
        assert!(done.stderr.contains(said), "{said}: {}", done.stderr);
    }
}

#[test]
#[cfg(feature = "postgres")]
fn server_of_the_state_is_asked_and_not_changed() {
    use crate::support::PostgresServer;

    let Some(server) = PostgresServer::shared() else { return };
    let url = server.create_database("checked");
    let (folder, plane) = (Folder::new(), play(&done_jobs()));
    let ask = |url: &str| {
        let state = format!("[state]\npostgres = \"{url}\"\n");
        online(&folder, &format!("jobs = [\"rj-1\"]\n{}{LOG}{state}", fast(&plane)), KEY)
    };

    let done = ask(&url).expect(0);
    for said in ["cluster default: PostgreSQL 1", ", the first replica makes the tables\n"] {
        assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
    }
    assert!(done.stderr.contains("warning: state: fsync is off at the PostgreSQL server"), "{}", done.stderr);
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'restore_watch'";
    assert_eq!(server.psql("checked", schemas), "0");

    server.psql("checked", "ALTER DATABASE checked OWNER TO postgres");
    let done = ask(&url).expect(78);
    assert!(done.stderr.contains("\n  help: run as the owner of the database: GRANT "), "{}", done.stderr);
    let done = ask("postgresql://watch@127.0.0.1:1/checked").expect(74);
    assert!(done.stderr.contains("cannot connect: connection refused\n  help: check "), "{}", done.stderr);
}
