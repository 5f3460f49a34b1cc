//! The published exit codes.
//!
//! Invariant: the numbers are a contract with every pipeline that branches on them; none changes
//! its meaning. The order in which they win over each other is part of the contract, and is written
//! down here only.

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; the condition of a wait is met.
    Success = 0,
    /// A job failed or was cancelled, or its index did not become ready; or a command did not
    /// succeed in what it is for.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// A job was not found, or was lost.
    NotFound = 3,
    /// The API refuses the key (401) or the permission (403).
    Unauthorized = 4,
    /// The API was unreachable for too long.
    Unreachable = 5,
    /// A job ended in a state this program does not know.
    Unrecognised = 6,
    /// Whether a restore was started is not known.
    Ambiguous = 7,
    /// A bug in this program.
    Internal = 70,
    /// The system gives this process too little: no thread, or no open file.
    System = 71,
    /// The state file cannot be used.
    State = 74,
    /// The configuration is bad.
    Config = 78,
    /// The time given to a wait is over.
    Timeout = 124,
    /// Interrupted by SIGINT.
    Interrupted = 130,
    /// Interrupted by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// How a wait can end, also one that began with a restore, in the order of the documentation.
    pub const OF_WAIT: [Self; 14] = [
        Self::Success,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::Unauthorized,
        Self::Unreachable,
        Self::Unrecognised,
        Self::Ambiguous,
        Self::Internal,
        Self::System,
        Self::Config,
        Self::Timeout,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// If several apply to a wait, the first of these wins.
    pub const PRECEDENCE: [Self; 7] = [
        Self::Failed,
        Self::Unauthorized,
        Self::NotFound,
        Self::Unrecognised,
        Self::Config,
        Self::Unreachable,
        Self::Timeout,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether a signal asked for it.
    pub fn is_signal(self) -> bool {
        matches!(self, Self::Interrupted | Self::Terminated)
    }

    /// The published word for a wait that ends with it; none if such a wait has no report on jobs.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Success => Some("met"),
            Self::Failed => Some("failed"),
            Self::NotFound => Some("not_found"),
            Self::Unauthorized => Some("unauthorized"),
            Self::Unreachable => Some("unreachable"),
            Self::Unrecognised => Some("unrecognised"),
            Self::Ambiguous => Some("ambiguous"),
            Self::Config => Some("misconfigured"),
            Self::Timeout => Some("timeout"),
            Self::Interrupted => Some("interrupted"),
            Self::Terminated => Some("terminated"),
            Self::Usage | Self::Internal | Self::System | Self::State => None,
        }
    }

    /// What it means, in the words of the documentation.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "condition met",
            Self::Failed => "a job failed or was cancelled, or its index did not become ready",
            Self::Usage => "wrong usage",
            Self::NotFound => "a job was not found, or was lost",
            Self::Unauthorized => "the API refuses the key or the permission",
            Self::Unreachable => "the API was unreachable for too long",
            Self::Unrecognised => "a job ended in a state that this program does not know",
            Self::Ambiguous => "it is not known whether a restore was started",
            Self::Internal => "internal error",
            Self::System => "the system gives this process too few threads or open files",
            Self::State => "the state file cannot be used",
            Self::Config => "bad configuration",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted by SIGINT",
            Self::Terminated => "interrupted by SIGTERM",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_can_end_with_all_that_has_a_word_or_wins() {
        for exit in Exit::PRECEDENCE {
            assert!(exit.word().is_some() && Exit::OF_WAIT.contains(&exit), "{exit:?}");
        }

        let words: Vec<_> = Exit::OF_WAIT.into_iter().filter_map(Exit::word).collect();

        assert_eq!(words.len(), 11);
        assert!(Exit::OF_WAIT.is_sorted_by_key(|exit| exit.code()));
    }
}
