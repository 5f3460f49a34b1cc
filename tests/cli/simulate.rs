//! `restore-watch simulate`

use crate::support::{Folder, KEY, Running, Watch};

#[test]
fn scenario_file_is_served_until_a_signal() {
    let folder = Folder::new();
    let scenario = folder
        .write("mine.toml", "[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"1h\"\nends = \"failed\"\n");

    for signal in ["TERM", "INT"] {
        let mut simulate = Watch::new(["simulate", &scenario]).start();
        let address = address(&mut simulate);
        wait(&address, "rj-1").run().expect(1);
        simulate.until_logged("export PINECONE_CONTROLLER_HOST=");
        simulate.signal(signal);
        let done = simulate.finish().expect(0);
        assert_eq!(done.stdout, format!("{address}\n"));
    }
}

#[test]
fn shipped_scenarios_are_served() {
    let started = ["demo", "fleet", "flaky", "outage", "unreliable-list"]
        .map(|name| Watch::new(["simulate", "--listen", "127.0.0.1:0", name]).start());
    for mut simulate in started {
        let address = address(&mut simulate);
        assert!(std::net::TcpStream::connect(address.trim_start_matches("http://")).is_ok());
    }
}

#[test]
fn files_that_are_no_scenario_are_78() {
    let folder = Folder::new();
    let bad = folder.write("bad.toml", "[[job]]\nid = \"rj-1\"\ntake = \"6s\"\n");

    let done = Watch::new(["simulate", &bad]).run().expect(78).logged("at line 3, column 1");
    assert!(done.stderr.contains("3 | take = \"6s\"\n  | ^^^^"), "{}", done.stderr);
    assert_eq!(done.stdout, "");

    Watch::new(["simulate", folder.path().to_str().unwrap()])
        .run()
        .expect(78)
        .logged("cannot read the scenario");
    let done = Watch::new(["simulate", "no-such-scenario"]).run().expect(78);

    done.logged("name a file, or one of: demo, fleet, flaky, outage, unreliable-list");
}

#[test]
fn unusable_addresses_are_refused() {
    for listen in ["nonsense", "127.0.0.1", "127.0.0.1:99999"] {
        Watch::new(["simulate", "--listen", listen]).run().expect(2).logged("--listen");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let done = Watch::new(["simulate", "--listen", &listen]).run().expect(1);
    done.logged(&format!("cannot listen on {listen}: "));
}

/// Its address, once it has printed it.
fn address(simulate: &mut Running) -> String {
    simulate.until("its address", |simulate| simulate.stdout().ends_with('\n'));
    let printed = simulate.stdout();
    let address = printed.trim_end().to_owned();
    assert!(address.starts_with("http://127.0.0.1:") && !address.contains('\n'), "{printed}");
    address
}

fn wait(address: &str, job: &str) -> Watch {
    let wait = Watch::new(["wait", job, "--min-interval", "20ms", "--max-interval", "100ms"]);
    wait.env("PINECONE_CONTROLLER_HOST", address).env("PINECONE_API_KEY", KEY)
}
