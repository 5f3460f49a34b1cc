//! The manual pages and the completions of the Debian package, where `man` and real shells look.

use crate::root::Debian;

/// Types the beginning of a command into a zsh with a terminal, and the key that completes it.
const ZSH: &str = "zmodload zsh/zpty
zpty shell 'env -i TERM=dumb HOME=/root PATH=/usr/bin zsh -f -i'
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D'
zpty -w shell 'complete-and-say() { zle expand-or-complete; print -r -- \"[$BUFFER]\"; zle kill-whole-line }'
zpty -w shell 'zle -N complete-and-say; bindkey \"^I\" complete-and-say'
zpty -w -n shell $'restore-watch handov\\t'
zpty -r -m shell text '*\\[restore-watch handover*'
print -r -- ${text##*\\[}";

const BASH: &str = ". /usr/share/bash-completion/bash_completion
_completion_loader restore-watch
complete -p restore-watch
COMP_WORDS=(restore-watch handov); COMP_CWORD=1; COMP_LINE='restore-watch handov'; COMP_POINT=20
function=$(complete -p restore-watch | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function restore-watch handov restore-watch
printf '[%s]\\n' \"${COMPREPLY[@]}\"";

#[test]
fn manual_pages_and_completions_are_found() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    debian.install();
    world.write("/tmp/zsh", ZSH);
    world.write("/tmp/bash", BASH);

    let page = world.succeed("MANPAGER=cat man restore-watch-wait");
    assert!(page.contains("RESTORE-WATCH-WAIT") || page.contains("restore-watch-wait(1)"), "{page}");
    assert!(world.succeed("man --whatis restore-watch").contains("restore-watch (1)"));

    let zsh = world.succeed("timeout 30 zsh /tmp/zsh");
    assert!(zsh.contains("restore-watch handover"), "{zsh}");
    let fish = world.succeed("HOME=/root fish --command \"complete --do-complete 'restore-watch handov'\"");
    assert!(fish.starts_with("handover\t"), "{fish}");
    let bash = world.succeed("bash --norc /tmp/bash");
    assert!(bash.ends_with("[handover]"), "{bash}");
}
