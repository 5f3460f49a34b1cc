//! Where a secret is, instead of the secret.

use crate::config::keys::{Key, Kind, Table};

pub(in crate::config) static SECRET: Table = Table {
    title: "Where a secret is",
    place: None,
    about: "Instead of a secret, the file has a table with exactly one of these keys.",
    keys: &[
        Key::new(
            "env",
            Kind::SecretPlace,
            "The name of an environment variable that holds the secret.",
        )
        .example("\"PINECONE_API_KEY\""),
        Key::new(
            "file",
            Kind::SecretPlace,
            "A file that holds the secret. A relative path starts at the directory of the configuration file.",
        )
        .example("\"key\""),
        Key::new(
            "credential",
            Kind::SecretPlace,
            "The name of a credential of systemd, as given to `LoadCredential=`.",
        )
        .example("\"pinecone-api-key\""),
    ],
};
