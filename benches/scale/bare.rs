//! A loop of bare `reqwest`: what a poll costs with this client and nothing around it.

use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::id;
use super::plane::Plane;

/// The argument with which this program is the loop.
const ARGUMENT: &str = "bare-loop";

/// Starts the loop as a process of its own, so that its processor time is counted as that of the
/// daemon is.
pub(crate) fn start(plane: &Plane, at_once: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([ARGUMENT, &plane.url(), &at_once.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Whether these are the arguments of the loop; then this runs it until it is killed.
pub(crate) fn runs(arguments: &[String]) -> bool {
    let [argument, url, at_once] = arguments else { return false };
    if argument != ARGUMENT {
        return false;
    }
    run(url, at_once.parse().unwrap());
    true
}

/// Describes this many jobs at once, each again and again, over kept connections and on one thread,
/// and reads each answer into JSON.
fn run(url: &str, at_once: u32) {
    // Fails only if there is one already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let urls = (0..at_once).map(|job| format!("{url}/restore-jobs/{}", id(job)));
        let loops: JoinSet<()> = urls.map(|url| describe(client.clone(), url)).collect();
        loops.join_all().await;
    });
}

async fn describe(client: Client, url: String) {
    loop {
        let request = client
            .get(&url)
            .header("Api-Key", "any")
            .header("X-Pinecone-Api-Version", "2026-04")
            .header("Accept", "application/json");
        let answer = request.send().await.unwrap().bytes().await.unwrap();
        std::hint::black_box(serde_json::from_slice::<Value>(&answer).unwrap());
    }
}
