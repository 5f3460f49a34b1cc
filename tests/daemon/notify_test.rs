//! `notify-test` without a configuration: the daemon sends the test to its own sinks.

use serde_json::Value;

use crate::support::{Folder, MailServer, play, receive};
use crate::{Daemon, ask};

#[test]
fn a_daemon_sends_tests_to_templates_mails_and_commands() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let events = "events = [\"restore_job.failed\"]";
    let (receiver, server, folder) = (receive([]), MailServer::start(), Folder::new());
    let file = folder.path().join("event.json");
    let sinks = format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"template\"\nurl = \"{}\"\nformat = \"template\"\n{events}\n\
         [sink.payload]\ntext = \"{{{{ type }}}}\"\n\
         [[sink]]\ntype = \"exec\"\nname = \"command\"\ncommand = [\"/bin/sh\", \"-c\", \"cat > '{}'\"]\n{events}\n",
        receiver.url(),
        file.display()
    );
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sinks);
    let mut daemon = daemon.with(&server.sink(&["ops@example.com"])).run(&[]).start();
    daemon.until_logged("watching 1 restore");

    let tested = ask(&daemon, &["notify-test"]).expect(0);

    assert_eq!(tested.stdout.matches(" ok ").count(), 4, "{}", tested.stdout);
    let body: Value = serde_json::from_slice(&receiver.received()[0].body).expect("JSON");
    assert_eq!(body["text"], "restore_watch.test");
    let event: Value = serde_json::from_slice(&std::fs::read(file).expect("an event")).expect("JSON");
    assert_eq!(event["type"], "restore_watch.test");
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("\nSubject: Test of restore-watch, nothing happened\n"), "{}", mails[0]);
}
