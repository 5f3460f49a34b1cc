//! `restore-watch init`

use crate::support::{Folder, Watch};

#[test]
fn printed_files_are_valid() {
    for (options, warnings) in [(&[][..], 0), (&["--all"], 1)] {
        let folder = Folder::new();
        let text = Watch::new(["init"].iter().chain(options)).run().expect(0).stdout;
        let config = folder.write("config.toml", &text);

        let done = Watch::new(["check", "--config", &config]).run().expect(0);

        assert_eq!(done.stderr.matches("warning: ").count(), warnings, "{}", done.stderr);
        assert!(text.contains("restore-watch check --online --config FILE\n"), "{text}");
        let mut comments = text.lines().filter(|line| line.starts_with("# "));
        assert!(comments.all(|line| line.chars().count() <= 100), "{text}");
    }
}

#[test]
fn new_file_is_written_with_its_directories() {
    let folder = Folder::new();
    let path = folder.path().join("a/restore-watch/config.toml");

    let done = Watch::new(["init", "a/restore-watch/config.toml"]).within(folder.path()).run().expect(0);

    let name = path.display();
    assert_eq!(
        done.stdout,
        format!(
            "{name} is written. Edit it, then check it.\n\nNext:\n  restore-watch check --online --config {name}\n  \
             restore-watch run --config {name}\n"
        )
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), Watch::new(["init"]).run().expect(0).stdout);
}

#[test]
fn file_that_exists_is_not_overwritten() {
    let folder = Folder::new();
    let config = folder.write("config.toml", "mine");

    Watch::new(["init", &config]).run().expect(1).logged("exists, and is not overwritten").logged("  help: ");
    Watch::new(["init", folder.path().to_str().unwrap()]).run().expect(1).logged("is a directory");
    Watch::new(["init", "/proc/none/config.toml"])
        .run()
        .expect(1)
        .logged("error: cannot write /proc/none/config.toml");

    assert_eq!(std::fs::read_to_string(config).unwrap(), "mine");
}
