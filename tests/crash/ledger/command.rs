//! A command that records its standard input and environment, and fails at random.

use std::fs;

use super::{Page, Post, Receives, Temper};
use crate::secrets;
use crate::support::Folder;

/// What it runs: one file for each run, whose name begins with the time in nanoseconds and ends with
/// the exit status. A run without input was begun by a process that was killed at once.
const SCRIPT: &str = r#"#!/bin/sh
set -eu
folder=$1
exit=0
if [ ! -e "$folder/calm" ]; then
  case $(od -An -N1 -tu1 /dev/urandom | tr -d ' ') in
    [0-9] | [1-4][0-9]) exit=75 ;;
    [5-9][0-9]) exit=3 ;;
  esac
fi
record=$(mktemp "$folder/.record.XXXXXX")
{ env; echo; cat; } >"$record"
[ "$(tail -c 1 "$record" | od -An -tx1 | tr -d ' ')" = 0a ] || exit 75
sed -n '1,/^$/!p' "$record" | grep -q . || exit 75
mv "$record" "$folder/$(date +%s%N)-$RESTORE_WATCH_EVENT_ID-$$-$exit"
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
        format!(
            "type = \"exec\"\ncommand = [\"/bin/sh\", {:?}, {:?}]\n",
            folder.join("record.sh"),
            folder.join("runs")
        )
    }

    fn variables(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn collect(&self) {
        let files = fs::read_dir(self.folder.path().join("runs")).expect("a folder").flatten();
        let mut files: Vec<_> = files.map(|file| file.path()).collect();
        files.sort();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Others are not complete.
            let Some((time, rest)) = name.split_once('-') else { continue };
            let Some((rest, exit)) = rest.rsplit_once('-') else { continue };
            let Some((id, _)) = rest.rsplit_once('-') else { continue };
            let nanoseconds: i128 = time.parse().expect("a time");
            let text = fs::read(&file).expect("a record");
            let at = text.windows(2).position(|pair| pair == b"\n\n").expect("an empty line");
            let (environment, body) = (&text[..at], &text[at + 2..]);
            let fault = secrets::found_in(environment).map(|secret| format!("its environment has {secret}"));
            self.page.record(Post {
                at: jiff::Timestamp::from_nanosecond(nanoseconds).expect("a time"),
                id: id.to_owned(),
                // The line ends with a line break, which is not committed.
                body: body.strip_suffix(b"\n").unwrap_or(body).to_vec().into(),
                taken: exit == "0",
                fault,
            });
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
