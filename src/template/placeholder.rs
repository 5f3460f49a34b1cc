//! What stands for a secret in a body that is kept, until a request is made.

use serde_json::{Value, json};

/// Its only key, which has the name of the secret.
const KEY: &str = "restore-watch:secret";

/// What stands for the secret of this name.
pub fn placeholder(name: &str) -> Value {
    json!({ KEY: name })
}

/// The name of the secret that this value stands for.
pub fn secret_of(value: &Value) -> Option<&str> {
    let entries = value.as_object().filter(|entries| entries.len() == 1)?;
    entries.get(KEY)?.as_str()
}
