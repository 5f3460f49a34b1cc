//! `type = "exec"`: a command that is run for each event.
//!
//! Invariant: the command is a program and its arguments, and no shell or template reads them. The
//! program is an absolute path, or a name that is looked up in [`ExecSettings::PATH`].

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{EventFilter, Meaning, TargetSettings, retry_schedule};
use crate::config::ShownPath;
use crate::config::keys::{Key, Kind, Table, time};
use crate::config::quote::{may_be_secret, quoted};
use crate::config::reader::{Finding, Section, Value};
use crate::config::surprise::Surprise;
use crate::model::{Placeholder, duration};
use crate::platform::process;

pub(in crate::config) static KEYS: Table = Table {
    title: "`[[sink]]` with `type = \"exec\"`",
    place: Some("an exec sink"),
    about: "A command that is run for each event, one at a time, with the event as JSON on its standard input. Exit status 0 \
            means delivered.",
    keys: &[
        Key::new(
            "command",
            Kind::Command { most: 100 },
            "The program and its arguments, which no shell reads. A name without a slash is looked up in /usr/local/sbin, \
             /usr/local/bin, /usr/sbin, /usr/bin, /sbin and /bin; a relative path starts at the directory of this file.",
        )
        .required()
        .example("[\"/usr/local/bin/on-restore\", \"--quiet\"]"),
        Key::new(
            "timeout",
            // A delivery that takes four minutes counts as stuck: that is two runs, for it may wait
            // for a test; the start and the end of a command may take 21 s of each.
            time(Duration::from_secs(1)..=Duration::from_secs(90), Duration::from_secs(30)),
            "How long the command may run. Then its process group gets SIGTERM, and SIGKILL 5 s later, and the delivery is \
             attempted again.",
        ),
        Key::new(
            "retry",
            Kind::BooleanOn,
            "Whether a delivery is attempted again after any exit status but 0. If not, only after status 75 (`EX_TEMPFAIL`) \
             and a timeout; any other status makes it a dead letter at once.",
        ),
        retry_schedule::KEY,
    ],
};

const FORM: &str = "write command = [\"/usr/local/bin/on-restore\", \"--quiet\"]: the program, then each argument as an entry of \
                    its own";
const SHELL: &str = "no shell reads the command; for what only a shell can do, write it into a script, or command = \
                     [\"/bin/sh\", \"-c\", \"…\"]";

/// A command, and how it is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecSettings {
    /// The program: an absolute path, or a name.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How long it may run.
    pub timeout: Duration,
    /// Whether a delivery is attempted again after any failure of the command.
    pub retry: bool,
    /// The time before each further attempt; at least one.
    pub retry_schedule: Vec<Duration>,
}

impl ExecSettings {
    /// Where a program without a slash is looked up, and what the command has as `PATH`. It is
    /// fixed, so that a command that works for `notify-test` works for the daemon, too.
    pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// A command with the defaults of everything else.
    pub fn new(program: impl Into<PathBuf>, arguments: Vec<String>) -> Self {
        Self {
            program: program.into(),
            arguments,
            timeout: KEYS.key("timeout").duration(),
            retry: true,
            retry_schedule: retry_schedule::DEFAULT.to_vec(),
        }
    }

    /// The file of the program. The error is that of `exec`.
    pub fn find_program(&self) -> io::Result<PathBuf> {
        process::find_in(OsStr::new(Self::PATH), self.program.as_os_str())
    }

    /// Reads the keys that only a sink of this type has, and finishes its table.
    pub(super) fn read(mut section: Section<'_>, sink: &str, base: &Path) -> Option<Self> {
        let place = section.span_of("command");
        let report = section.report;
        if section.lacks("command") {
            report.push(Finding::new(&section.span, "a sink of type \"exec\" without a command").help(FORM));
        }

        let most = section.declaration("command").most();
        let command = section.take("command").and_then(|value| command(&value, most, base));
        let timeout = section.duration("timeout");
        let retry = section.boolean("retry").unwrap_or(true);
        let schedule = retry_schedule::read(&mut section);
        section.finish();

        let (program, arguments) = command?;
        let usual = Self::new(program, arguments);
        let exec = Self {
            timeout: timeout.unwrap_or(usual.timeout),
            retry,
            retry_schedule: schedule.unwrap_or(usual.retry_schedule),
            ..usual
        };
        if let (Some(at), Err(fault)) = (place, exec.find_program()) {
            report.warn(&at, &Surprise::NoCommand { sink, fault: &fault });
        }
        Some(exec)
    }
}

impl TargetSettings for ExecSettings {
    fn usual_events(&self) -> EventFilter {
        EventFilter::all()
    }

    fn meaning(&self) -> Meaning {
        let program = if may_be_secret(&self.program.to_string_lossy()) {
            "***".to_owned()
        } else {
            ShownPath(&self.program).to_string()
        };
        // Not the arguments themselves: one of them may be a secret.
        let arguments = match self.arguments.len() {
            0 => String::new(),
            1 => " with 1 argument".to_owned(),
            count => format!(" with {count} arguments"),
        };

        let meaning = Meaning::new(format!("command {program}{arguments}"));
        let meaning = meaning.with("timeout", duration::written(self.timeout));
        let meaning = retry_schedule::add_to(meaning, &self.retry_schedule);
        if self.retry { meaning } else { meaning.with("retry", "only after exit status 75 or a timeout") }
    }
}

/// The program and its arguments.
fn command(value: &Value<'_>, most: usize, base: &Path) -> Option<(PathBuf, Vec<String>)> {
    let entries = value.array(FORM)?;
    if entries.len() > most {
        value.refuse(
            format_args!("has {} entries; at most {most} are accepted", entries.len()),
            "use a script that has them",
        );
        return None;
    }
    let Some((first, rest)) = entries.split_first() else {
        value.refuse("is empty", FORM);
        return None;
    };

    let program = program(first, base);
    let mut script_follows = false;
    // Each one, so that all problems are reported.
    let arguments: Vec<_> = rest
        .iter()
        .map(|entry| {
            let argument = argument(entry, script_follows)?;
            script_follows |= announces_script(&argument);
            Some(argument)
        })
        .collect();
    Some((program?, arguments.into_iter().collect::<Option<_>>()?))
}

fn program(value: &Value<'_>, base: &Path) -> Option<PathBuf> {
    let text = value.string_or("a string", FORM)?;
    let is_name = !text.contains('/');
    let has_blank = text.trim().contains(char::is_whitespace);
    if text.contains(['|', '&', ';', '<', '>', '`']) || text.contains("$(") {
        value.refuse("is a command of a shell", SHELL);
        return None;
    }
    if is_name && has_blank && Placeholder::find(text).is_none() {
        value.refuse("has the arguments in it", FORM);
        return None;
    }

    // A name has the faults that a path can have, but starts nowhere.
    value.path(if is_name { Path::new("") } else { base })
}

/// Whether this is the option `-c` of a shell, alone or among others, as in `-ec` or `-lc`.
fn announces_script(argument: &str) -> bool {
    let options = argument.strip_prefix('-').unwrap_or_default();
    options.contains('c') && options.chars().all(|option| "abcefhilmnuvx".contains(option))
}

/// One argument. If a script of a shell came before, it may have any form.
fn argument(value: &Value<'_>, is_behind_script: bool) -> Option<String> {
    let text = value.string_or("a string", FORM)?;
    let placeholder = Placeholder::whole(text).filter(|found| {
        matches!(
            found,
            Placeholder::Braced | Placeholder::Command | Placeholder::Variable | Placeholder::Template
        )
    });
    let fault = match placeholder {
        _ if text.contains('\0') => "has a NUL character in it".to_owned(),
        _ if is_behind_script => return Some(text.to_owned()),
        _ if matches!(text, "|" | "||" | "&&" | ">>" | "2>&1") => {
            format!("is {}, which only a shell understands", quoted(text))
        }
        Some(found) => format!("is a placeholder like {found}, which is not replaced"),
        None => return Some(text.to_owned()),
    };
    value.refuse(fault, SHELL);
    None
}
