//! Commands of a shell as words, as far as documents need it.

/// The simple commands of a script, each as its words: without assignments, redirections, keywords, and programs that
/// start another one.
pub(crate) fn commands(script: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut characters = script.replace("\\\n", " ").chars().collect::<Vec<_>>().into_iter().peekable();
    let mut word: Option<String> = None;
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' => {
                let quoted = characters.by_ref().take_while(|c| *c != character);
                word.get_or_insert_default().extend(quoted);
            }
            '#' if word.is_none() => {
                commands.push(Vec::new());
                characters.by_ref().find(|c| *c == '\n');
            }
            ' ' => end(&mut word, &mut commands),
            '|' | '&' | ';' | '(' | ')' | '\n' => {
                end(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            '<' | '>' => {
                // The number before it is that of a stream.
                word.take_if(|word| word.chars().all(|c| c.is_ascii_digit()));
                end(&mut word, &mut commands);
                while characters.next_if(|c| " <>&".contains(*c)).is_some() {}
                while characters.next_if(|c| !" \n|;)".contains(*c)).is_some() {}
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    end(&mut word, &mut commands);

    commands.into_iter().map(unwrapped).filter(|words| !words.is_empty()).collect()
}

fn end(word: &mut Option<String>, commands: &mut [Vec<String>]) {
    if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
        command.push(word);
    }
}

/// Without what comes before the program.
fn unwrapped(words: Vec<String>) -> Vec<String> {
    let is_before = |word: &String| {
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        is_assignment
            || ["sudo", "env", "nohup", "if", "then", "while", "do", "exec", "!"].contains(&word.as_str())
    };
    let words: Vec<_> = words.into_iter().skip_while(is_before).collect();
    match words.first().map(String::as_str) {
        Some("timeout") => words.into_iter().skip(2).collect(),
        _ => words,
    }
}

/// The arguments of this program in a command, if it starts this program, also in a container or by cargo.
pub(crate) fn arguments(words: &[String]) -> Option<&[String]> {
    if words.iter().map(String::as_str).take(2).eq(["cargo", "run"]) {
        let at = words.iter().position(|word| word == "--")?;
        return Some(&words[at + 1..]);
    }
    let is_program = |word: &String| word == "restore-watch" || word.ends_with("/restore-watch");
    let in_container = words.first().is_some_and(|word| word == "docker")
        && words.get(1).is_some_and(|word| word == "run" || word == "exec");
    let in_pod = words.starts_with(&["kubectl".to_owned(), "exec".to_owned()]);
    let at = if in_container {
        words.iter().rposition(is_program)
    } else if in_pod {
        words
            .iter()
            .position(|word| word == "--")
            .map(|at| at + 1)
            .filter(|at| words.get(*at).is_some_and(is_program))
    } else {
        words.first().filter(|w| is_program(w)).map(|_| 0)
    };
    let arguments = &words[at? + 1..];

    // A container without arguments runs what its image says.
    (!in_container || !arguments.is_empty()).then_some(arguments)
}

#[test]
fn commands_are_found_in_scripts() {
    let script = "sudo restore-watch list 2>/dev/null | A=b timeout 2h restore-watch wait - > x\\\n --any && c 'd e' # f | g\n\
                  case $code in\n  0)  ./x ;;\nesac";

    let found: Vec<String> = commands(script).iter().map(|words| words.join("·")).collect();

    assert_eq!(
        found,
        ["restore-watch·list", "restore-watch·wait·-·--any", "c·d e", "case·$code·in", "0", "./x", "esac"]
    );
}

#[test]
fn arguments_are_found_behind_containers_and_cargo() {
    let of = |script: &str| {
        commands(script)
            .iter()
            .filter_map(|words| arguments(words))
            .map(<[String]>::to_vec)
            .collect::<Vec<_>>()
    };

    assert_eq!(of("docker exec restore-watch restore-watch status"), [["status"]]);
    assert!(
        of("docker run --name restore-watch -d restore-watch; docker build -t restore-watch .").is_empty()
    );
    assert_eq!(of("/usr/local/bin/restore-watch run"), [["run"]]);
    assert_eq!(of("kubectl exec deployment/restore-watch -- restore-watch status"), [["status"]]);
    assert!(
        of("kubectl rollout restart statefulset/restore-watch; kubectl exec restore-watch-0 -- ls")
            .is_empty()
    );
    assert_eq!(of("cargo run --locked -- demo; cargo run; cargo install --path ."), [["demo"]]);
}
