//! Addresses at which the API is not: said at once, while the wait goes on trying.

use restore_watch::simulate::Simulator;

use crate::support::{Done, Folder, KEY, TlsPlane, Watch, done, play, receive, unused_address};

const ENDS_SOON: [&str; 4] = ["--unreachable-after", "300ms", "--not-found-grace", "300ms"];

#[test]
fn https_to_a_plain_server_ends_at_once() {
    let plane = completed();
    let https = plane.url().replace("http:", "https:");
    for jobs in ["rj-1", "--all-pending"] {
        let done = wait(&https, &[jobs]).expect(78);
        let done = done.logged("  help: if it speaks plain HTTP: ");
        let done = done.logged(&format!("export PINECONE_CONTROLLER_HOST={}\n", plane.url()));
        let said = format!("cannot connect to {https}: it does not speak TLS");
        assert_eq!((done.stdout + &done.stderr).matches(&said).count(), 1);
    }
}

#[test]
fn http_to_a_tls_server_ends_at_once() {
    let https = TlsPlane::start().url();
    let http = https.replace("https:", "http:");
    let done = wait(&http, &["rj-1"]).expect(78);
    assert!(
        done.stdout.contains(&format!("cannot connect to {http}: it does not speak plain HTTP")),
        "{}",
        done.stdout
    );
    done.logged(&format!("help: if it speaks TLS: export PINECONE_CONTROLLER_HOST={https}"));
}

#[test]
fn an_address_without_a_server_is_said_at_once() {
    let closed = format!("http://{}", unused_address());
    for (host, said) in [
        (closed.as_str(), "connection refused"),
        ("https://nosuch.invalid", "the host name cannot be resolved ("),
    ] {
        // With the usual limit of ten minutes.
        let mut waiting = Watch::new(["wait", "rj-1"])
            .env("PINECONE_CONTROLLER_HOST", host)
            .env("PINECONE_API_KEY", KEY)
            .start();
        waiting.until_logged(&format!(" WARN cannot connect to {host}: {said}"));
        waiting.until_logged("; retrying, gives up in 10m\n  help: is ");
        waiting.until_logged("The address is set by PINECONE_CONTROLLER_HOST");

        let done = wait(host, &ENDS_SOON.iter().chain(&["rj-1"]).copied().collect::<Vec<_>>()).expect(5);
        let done = done.logged("for too long: cannot connect to ").logged("\n  help: is ");
        assert_eq!(done.stderr.matches("; retrying").count(), 1, "{}", done.stderr);
    }
}

#[test]
fn the_source_of_the_address_is_named() {
    let folder = Folder::new();
    let endpoint = format!("http://{}", unused_address());
    let config =
        folder.write("config.toml", format!("jobs = [\"rj-1\"]\n[api]\nendpoint = \"{endpoint}\"\n"));
    let done = Watch::new(["wait", "--config", &config, "--unreachable-after", "0s"])
        .env("PINECONE_API_KEY", KEY)
        .run()
        .expect(5);
    done.logged("The address is set by `endpoint` in the configuration");
}

#[test]
fn a_path_of_the_address_is_said_at_once() {
    let plane = completed();
    let host = format!("{}/canary", plane.url());
    let done = wait(&host, &["rj-1", "--not-found-grace", "300ms"]).expect(3);
    let done = done
        .logged("HTTP 404: Not found; retrying, gives up in 300ms\n  help: the address must have no path");
    let done = done.logged(&format!("export PINECONE_CONTROLLER_HOST={}\n", plane.url()));
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
}

#[test]
fn what_is_not_the_api_is_said_at_once() {
    let elsewhere = receive([]);
    let redirect = format!("kind = \"redirect\"\nlocation = \"{}/canary\"", elsewhere.url());
    for (fault, said) in [
        ("kind = \"html\"", " answered HTML instead of JSON; retrying, gives up in 300ms\n".to_owned()),
        (&redirect, format!("a redirect to {}, which is not followed; retrying", elsewhere.url())),
        ("kind = \"status\"\nstatus = 404\nbody = \"html\"", "HTTP 404: an HTML page; retrying".to_owned()),
    ] {
        let plane = play(&format!("[[job]]\nid = \"rj-1\"\n[[fault]]\n{fault}"));
        let arguments: Vec<_> = ENDS_SOON.iter().chain(&["rj-1"]).copied().collect();
        let done = wait(&plane.url(), &arguments).logged(&said);
        let done = done.logged(&format!("help: is {} the address of the Pinecone API?", plane.url()));
        assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    }
}

#[test]
fn trouble_of_the_api_itself_puts_no_address_in_doubt() {
    let fault = "[[fault]]\nfirst = 2\nkind = \"status\"\nstatus = 503\n";
    let plane = play(&format!("{}{fault}", done(&[("rj-1", "completed")])));
    let done = wait(&plane.url(), &["rj-1"]).expect(0);
    assert!(!done.stderr.contains("help:"), "{}", done.stderr);
}

#[test]
fn quiet_wait_says_it_at_the_end() {
    let host = format!("http://{}", unused_address());
    let done = wait(&host, &["rj-1", "--quiet", "--unreachable-after", "0s"]).expect(5);
    assert_eq!(done.stderr, "");
    assert!(done.stdout.contains(&format!("cannot connect to {host}: ")), "{}", done.stdout);
}

fn completed() -> Simulator {
    play(&done(&[("rj-1", "completed")]))
}

fn wait(host: &str, arguments: &[&str]) -> Done {
    Watch::new(["wait", "--min-interval", "20ms", "--max-interval", "100ms"].iter().chain(arguments))
        .env("PINECONE_CONTROLLER_HOST", host)
        .env("PINECONE_API_KEY", KEY)
        .run()
}
