//! The SQL that a person runs if the role of this program may not make tables.

use super::fault::{identifier, statements};
use super::schema;

/// Makes the tables in a database that has none, and gives the role what it needs. Without a role,
/// the statements for that are comments.
pub fn postgres_script(role: Option<&str>) -> String {
    let grants = if let Some(role) = role {
        statements(&identifier(role)).join("\n")
    } else {
        let statements = statements("ROLE").map(|statement| format!("-- {statement}")).join("\n");
        format!("-- What the role of restore-watch needs, if it is not the one that runs this:\n{statements}")
    };
    format!("BEGIN;\n\n{}\n\n{grants}\n\nCOMMIT;\n", schema::sql().trim_end())
}
