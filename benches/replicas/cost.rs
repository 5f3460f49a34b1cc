//! What replicas need while nothing happens: memory, processor time, and messages to the database.

use std::time::Duration;

use crate::cluster::{Cluster, ENDPOINT, Replica};
use crate::daemon_process::{mebibytes, processor_time};
use crate::support::{ApiProxy, Folder, KEY, PostgresServer, Running, Watch, play};

/// A job that never ends.
const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

/// How long the daemons run before they are measured, and then how long they are watched.
const SETTLE: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(60);

/// The lease of a replica of the tests, which is the shortest one, and the usual lease.
const SHORTEST: &str = "lease = \"3s\"";
const USUAL: &str = "lease = \"15s\"";

/// What a replica took so far.
struct Taken {
    /// In seconds.
    processor: f64,
    messages: usize,
}

/// Prints what an active replica and a standby take, and a daemon with its state in a file.
pub(crate) fn measure(server: &PostgresServer) {
    let plane = play(ENDLESS);
    let text = format!(
        "[[project]]\nname = \"one\"\napi_key = {{ env = \"KEY\" }}\njobs = [\"rj-1\"]\n\
         [project.api]\nendpoint = \"{ENDPOINT}\"\nallow_http = true\n"
    );
    let to_api = ApiProxy::start(plane.address());
    let file = on_a_file(&text, &to_api);
    let mut clusters = [("usual", USUAL), ("shortest", SHORTEST)].map(|(database, lease)| {
        let mut cluster = Cluster::new(server, database, plane.address(), &text, &["active", "standby"]);
        for at in 0..cluster.replicas.len() {
            cluster.replicas[at].rewrite(|text| text.replace(SHORTEST, lease));
            cluster.replicas[at].start();
            let role = cluster.replicas[at].name.clone();
            cluster.until(&role, |cluster| cluster.replicas[at].role().as_ref() == Some(&role));
        }
        (lease, cluster)
    });
    std::thread::sleep(SETTLE);

    let before = clusters.each_ref().map(|(_, cluster)| taken_by(cluster));
    let before_of_file = processor_time(file.id());
    std::thread::sleep(WINDOW);
    println!("while nothing happens, for {WINDOW:?}       memory   processor   messages to the database");
    let share = share(processor_time(file.id()) - before_of_file);
    println!("  {:<33} {:>6.1} MiB {share:>7.3} %", "state in a file", mebibytes(file.id(), "VmRSS"));
    for ((lease, cluster), before) in clusters.iter_mut().zip(before) {
        for ((replica, before), after) in cluster.replicas.iter().zip(before).zip(taken_by(cluster)) {
            let what = format!("{}, {lease}", replica.name);
            let memory = mebibytes(replica.id().unwrap(), "VmRSS");
            let share = self::share(after.processor - before.processor);
            let messages = u32::try_from(after.messages - before.messages).unwrap();
            let rate = f64::from(messages) / WINDOW.as_secs_f64();
            println!("  {what:<33} {memory:>6.1} MiB {share:>7.3} %   {rate:>5.2} a second");
        }
        cluster.stop();
    }
    println!();
}

/// A daemon whose state is in a file.
fn on_a_file(text: &str, to_api: &ApiProxy) -> Running {
    let folder = Folder::new();
    let path = folder.path().display().to_string();
    let config = folder.write("file.toml", format!("{text}[state]\npath = \"{path}/state.db\"\n"));
    let watch = Watch::new(["run", "--config", &config]).env("KEY", KEY);
    watch.env("http_proxy", &to_api.url()).env("RUNTIME_DIRECTORY", &path).keep(folder).start()
}

fn taken_by(cluster: &Cluster<'_>) -> Vec<Taken> {
    let taken = |replica: &Replica| Taken {
        processor: processor_time(replica.id().unwrap()),
        messages: replica.to_database.messages().len(),
    };
    cluster.replicas.iter().map(taken).collect()
}

/// The share of a processor, in percent.
fn share(seconds: f64) -> f64 {
    seconds / WINDOW.as_secs_f64() * 100.0
}
