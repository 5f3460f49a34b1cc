//! The shell code of the examples, the action and the component, read by `shellcheck`.

use crate::stage::{Stage, is_there_for};
use crate::support::{Folder, Watch};
use crate::{composite, github, gitlab};

#[test]
fn shellcheck_accepts_the_examples() {
    if !is_there_for("shellcheck", "the shell of the examples is not checked") {
        return;
    }
    let folder = Folder::new();
    let mut scripts = vec![Stage::text("restore.sh"), composite::text("packaging/action/run")];
    scripts.extend(github::scripts().into_iter().map(|text| format!("#!/bin/bash\n{text}")));
    // An image may have no other shell.
    scripts.extend(gitlab::scripts().into_iter().map(|text| format!("#!/bin/sh\n{text}")));

    for (number, script) in scripts.iter().enumerate() {
        let file = folder.write(&format!("{number}.sh"), script);
        let done = Watch::program(&["shellcheck", "--color=never", &file]).run();
        assert_eq!(done.code, Some(0), "{script}\n{}", done.stdout);
    }
}
