//! The table of the mistakes, in one file for each subject.
//!
//! A command is a line of a shell. In commands, files and values, `{plane}` is the URL of the
//! simulated control plane, `{host}` its address, `{unused}` an address without a listener and
//! `{key}` the API key.

pub(crate) mod addresses;
pub(crate) mod configurations;
pub(crate) mod daemons;
pub(crate) mod databases;
pub(crate) mod ids;
pub(crate) mod keys;
pub(crate) mod restores;
pub(crate) mod surroundings;

/// A mistake: what is typed, and in which surroundings.
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) commands: &'static [&'static str],
    /// Variables beside the usual ones; an empty value removes one.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    pub(crate) files: &'static [(&'static str, &'static str)],
    pub(crate) stdin: &'static str,
    /// The scenario of the control plane, if it is not the usual one.
    pub(crate) plane: &'static str,
    /// The configuration of a daemon that runs meanwhile.
    pub(crate) daemon: &'static str,
}

/// A row in the usual surroundings.
const fn row(number: u32, name: &'static str, commands: &'static [&'static str]) -> Row {
    Row { number, name, commands, environment: &[], files: &[], stdin: "", plane: "", daemon: "" }
}
