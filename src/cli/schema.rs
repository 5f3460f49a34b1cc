//! `restore-watch schema`

use clap::{Parser, ValueEnum};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::output::print;
use super::{Done, Failure};
use crate::adapters::report::{History, Status};
#[cfg(feature = "postgres")]
use crate::adapters::store::postgres_script;
use crate::app::wait::Report;
use crate::config;
use crate::model::{Event, Exit, Stats};

/// Print the JSON Schema of reports, events, a status, the history, statistics or the
/// configuration, or the SQL of a state in PostgreSQL
///
/// The dialect is 2020-12. Later versions may add keys, and may add values where a value is one of
/// several names. Programs that read the JSON must accept both.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// What to describe [default: report and transition, in one schema]
    #[arg(value_name = "WHAT")]
    what: Option<What>,

    /// With `postgres`: the role of the daemon, which gets the rights that it needs
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// What `wait --output json` prints at its end
    Report,
    /// A line of `wait --output ndjson`, the body of a webhook, the data of an event of `/v1/events`,
    /// and `transition` in lines of the JSON log
    #[value(alias = "event")]
    Transition,
    /// What `status --output json` prints, and what `/v1/status` answers
    Status,
    /// What `history --output json` prints; `EndedRestore` in it is a line of `history --output
    /// ndjson`
    History,
    /// What `stats --output json` prints
    Stats,
    /// The configuration file of `run`, for editors that check TOML
    Config,
    /// The SQL that makes the tables of a state in PostgreSQL, for a role of the daemon that may not
    #[cfg(feature = "postgres")]
    Postgres,
}

/// Strict validators refuse formats that the standard does not know, such as `double`.
const FORMATS: [&str; 2] = ["date-time", "uuid"];

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    #[cfg(feature = "postgres")]
    if args.role.is_some() && !matches!(args.what, Some(What::Postgres)) {
        return Err(Failure::usage("--role is for `schema postgres` alone"));
    }

    let schema = match args.what {
        Some(What::Config) => config::schema(),
        Some(What::Report) => printed(SchemaGenerator::into_root_schema_for::<Report>),
        Some(What::Transition) => printed(SchemaGenerator::into_root_schema_for::<Event>),
        Some(What::Status) => printed(SchemaGenerator::into_root_schema_for::<Status>),
        Some(What::History) => printed(SchemaGenerator::into_root_schema_for::<History>),
        #[cfg(feature = "postgres")]
        Some(What::Postgres) => {
            print(&postgres_script(args.role.as_deref()))?;
            return Ok(Done::Exit(Exit::Success));
        }
        Some(What::Stats) => printed(SchemaGenerator::into_root_schema_for::<Stats>),
        None => printed(both),
    };
    // Not as a `Value`: only `Schema` prints `$schema` and the title first.
    let text = serde_json::to_string_pretty(&schema).map_err(|error| Failure::internal(error.to_string()))?;
    print(&(text + "\n"))?;
    Ok(Done::Exit(Exit::Success))
}

/// The schema of something that is printed or sent, to which later versions may add.
fn printed(of: impl Fn(SchemaGenerator) -> Schema) -> Schema {
    let mut schema = of(SchemaSettings::draft2020_12().for_serialize().into_generator());
    RecursiveTransform(tidy).transform(&mut schema);
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let open = "Later versions may add keys, and names where one of several names is expected: accept both.";
    schema.insert("description".to_owned(), format!("{description} {open}").into());
    schema
}

fn both(mut generator: SchemaGenerator) -> Schema {
    let either = [generator.subschema_for::<Report>(), generator.subschema_for::<Event>()];
    json_schema!({
        "$schema": generator.settings().meta_schema,
        "title": env!("CARGO_PKG_NAME"),
        "description": "A report or a transition.",
        "oneOf": either,
        "$defs": generator.take_definitions(true),
    })
}

fn tidy(schema: &mut Schema) {
    if schema.get("format").is_some_and(|format| !FORMATS.iter().any(|known| format == known)) {
        schema.remove("format");
    }
    // Descriptions are paragraphs, wrapped where the source is.
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}
