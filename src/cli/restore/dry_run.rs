//! `restore --dry-run`: the request as it would be sent, and why it cannot be.
//!
//! Invariant: nothing is sent, and the key is not shown.

use std::slice;
use std::sync::Arc;

use super::{Args, no_client};
use crate::adapters::pinecone::create_index::{IndexCreator, ShownRequest};
use crate::app::setup;
use crate::cli::output::print;
use crate::cli::start::{READING, block_on, listen, unless_stopped};
use crate::cli::wait::OutputForm;
use crate::cli::{Done, Failure};
use crate::model::{Exit, NewIndex};

pub(super) fn run(args: &Arc<Args>, index: &NewIndex) -> Result<Done, Failure> {
    args.options.check_desktop()?;
    let words = Arc::clone(args);
    let clients = block_on(async {
        let mut signals = listen()?;
        unless_stopped(&mut signals, READING, move || {
            // A webhook that cannot be used fails here, too.
            words.options.sinks()?;
            Ok(setup::clients(slice::from_ref(&words.project_settings()?))?)
        })
        .await
    })?;

    let client = clients.values().next().ok_or_else(no_client)?;
    let request = IndexCreator::new(client).shown(&args.backup, index);
    print(&match args.options.output {
        OutputForm::Human => human(&request),
        OutputForm::Json | OutputForm::Ndjson => {
            format!("{}\n", serde_json::to_string(&request).unwrap_or_default())
        }
    })?;
    Ok(Done::Exit(Exit::Success))
}

fn human(request: &ShownRequest) -> String {
    let ShownRequest { method, url, api_version, body } = request;
    format!("{method} {url}\nX-Pinecone-Api-Version: {api_version}\n\n{body}\n")
}
