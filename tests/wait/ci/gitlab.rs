//! A job of GitLab: the section of its log.

use crate::support::{Watch, play};

#[test]
fn gitlab_log_has_a_section() {
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"700ms\"");
    for arguments in [&["rj-1"][..], &["rj-1", "--ci", "gitlab"]] {
        let wait = Watch::wait(&plane, arguments).env("CI", "true").env("GITLAB_CI", "true").with_escapes();
        let done = wait.run().expect(0);
        let (begin, rest) = done.stderr.split_once("\r\u{1b}[0KWaiting for 1 restore\n").expect("a section");
        let (begin, name) = begin.rsplit_once(':').expect("a name");
        let started: i64 = begin.strip_prefix("\u{1b}[0Ksection_start:").expect("a start").parse().unwrap();
        let (progress, end) = rest.split_once("\u{1b}[0Ksection_end:").expect("an end");
        let ended: i64 = end.strip_suffix(&format!(":{name}\r\u{1b}[0K\n")).expect(name).parse().unwrap();
        assert!((0..60).contains(&(ended - started)) && started > 1_700_000_000, "{started} {ended}");
        assert!(name.strip_prefix("restore_watch_").is_some_and(|pid| pid.parse::<u32>().is_ok()), "{name}");
        assert!(progress.contains("restore rj-1 into index docs completed") && !progress.contains('\u{1b}'));
        assert!(!done.stdout.contains('\u{1b}'));
    }

    let wait = Watch::wait(&plane, &["rj-1", "--quiet"]).env("GITLAB_CI", "true");
    assert_eq!(wait.run().expect(0).stderr, "");
}
