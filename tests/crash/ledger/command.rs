//! A command that records its standard input and environment, and fails at random.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Page, Post, Receives, Temper};
use crate::secrets;
use crate::support::Folder;

/// What it runs: one file for each run, with its environment, its standard input and a last line.
/// The name ends with the exit status. Only what the shell does itself, since a round has hundreds
/// of runs. A run without a whole line was begun by a process that was killed at once.
const SCRIPT: &str = r#"
IFS= read -r event || exit 75
exit=0
if [ ! -e "$1/calm" ]; then
  case $(($$ % 10)) in
    0 | 1 | 2) exit=75 ;;
    3 | 4) exit=3 ;;
  esac
fi
{ export -p; printf '\n%s\nend\n' "$event"; } >"$1/$RESTORE_WATCH_EVENT_ID-$$-$exit"
exit "$exit"
"#;

/// The runs of the command, in a folder.
pub(super) struct Commands {
    folder: Folder,
    page: Page,
}

impl Commands {
    pub(super) fn open(temper: Temper, page: Page) -> Self {
        let folder = Folder::new();
        folder.write("record.sh", SCRIPT);
        fs::create_dir(folder.path().join("runs")).expect("a folder");
        let commands = Self { folder, page };
        commands.calm(temper == Temper::Well);
        commands
    }
}

impl Receives for Commands {
    fn keys(&self) -> String {
        let folder = self.folder.path();
        let (script, runs) = (folder.join("record.sh"), folder.join("runs"));
        let (script, runs) = (script.display(), runs.display());
        format!("type = \"exec\"\ncommand = [\"/bin/sh\", \"{script}\", \"{runs}\"]\n")
    }

    fn variables(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn collect(&self) {
        let files = fs::read_dir(self.folder.path().join("runs")).expect("a folder").flatten();
        let mut runs: Vec<_> = files.filter_map(|file| run(&file.path())).collect();
        runs.sort_by_key(|(_, run)| run.at);
        for (file, run) in runs {
            self.page.record(run);
            fs::remove_file(&file).expect("a record that is read once");
        }
    }

    fn calm(&self, calm: bool) {
        let file = self.folder.path().join("runs/calm");
        if calm {
            fs::write(file, "").expect("a file");
        } else {
            _ = fs::remove_file(file);
        }
    }
}

/// What a file of a run has, if it is complete.
fn run(file: &Path) -> Option<(PathBuf, Post)> {
    let name = file.file_name()?.to_str()?;
    let (rest, exit) = name.rsplit_once('-')?;
    let (id, _) = rest.rsplit_once('-')?;
    let text = fs::read_to_string(file).ok()?;
    let (environment, rest) = text.strip_suffix("\nend\n")?.split_once("\n\n")?;

    let written = file.metadata().ok()?.modified().ok()?;
    let fault =
        secrets::found_in(environment.as_bytes()).map(|secret| format!("its environment has {secret}"));
    let run = Post {
        at: written.try_into().expect("a time"),
        id: id.to_owned(),
        body: rest.to_owned().into(),
        taken: exit == "0",
        fault,
    };
    Some((file.to_owned(), run))
}
