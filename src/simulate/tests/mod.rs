//! The simulator as clients see it: real HTTP over the loopback, in paused time.

mod create;
mod faults;
mod plane;
mod receiver;
mod shipped;

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Scenario, Simulator, Timeline};

/// Plays a scenario from noon on.
async fn play(text: &str) -> Simulator {
    let scenario: Scenario = text.parse().unwrap_or_else(|error| panic!("{error}"));
    let clock = Timeline::start("2026-11-23T12:00:00Z".parse().unwrap());
    Simulator::start(&scenario, "127.0.0.1:0".parse().unwrap(), clock).await.unwrap()
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(10)).user_agent("tests/1").build().unwrap()
}

/// The answer to a `GET` with a key, or the error, in the words of reqwest.
async fn get(simulator: &Simulator, path: &str) -> reqwest::Result<reqwest::Response> {
    get_with(&client(), simulator, path).await
}

/// The same, with a client that is kept: making one takes a while.
async fn get_with(
    client: &reqwest::Client,
    simulator: &Simulator,
    path: &str,
) -> reqwest::Result<reqwest::Response> {
    client.get(format!("{}{path}", simulator.url())).header("Api-Key", "k").send().await
}

/// The status and the JSON of an answer.
async fn json(simulator: &Simulator, path: &str) -> (u16, Value) {
    let response = get(simulator, path).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Sends a bare request and gives all bytes until the connection ends, and how it ended.
async fn raw(simulator: &Simulator, path: &str) -> (Vec<u8>, Option<std::io::ErrorKind>) {
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nApi-Key: k\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).await.err().map(|error| error.kind());
    (bytes, error)
}

async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
