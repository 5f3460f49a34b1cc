//! `POST /backups/{id}/create-index`: the one request of this program that changes something at
//! Pinecone.
//!
//! Invariant: a call sends one request at most, and nothing below it repeats a request that may
//! have arrived. Only `app::restore` and `cli::restore` name this module, so that no daemon can
//! start a restore.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use super::{ApiReply, Client, Error, wire};
use crate::model::{BackupId, JobId, NewIndex};

/// A client that may start restores.
#[derive(Debug)]
pub struct IndexCreator {
    client: Client,
}

/// What came of the request.
#[derive(Debug)]
pub enum Creation {
    /// It was accepted: the restore runs.
    Started(Started),
    /// It was not processed: it was not sent, or the rate limit refused it. It may be sent again.
    NotProcessed(Error),
    /// It was refused for good: nothing was started.
    Refused(Error),
    /// It was refused because there is an index of that name.
    NameTaken(Error),
    /// Whether it was processed is not known.
    Unclear(Error),
}

/// A restore that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    pub job: JobId,
    pub index_id: Option<String>,
}

/// What an index says about the backup that it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexSource {
    /// Nothing: this version of the API does not say it.
    Unsaid,
    /// It was made of no backup.
    NoBackup,
    /// The id of the backup.
    Backup(String),
}

/// An index that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundIndex {
    pub source: IndexSource,
    /// Whether it is in a state from which it never comes to serve, such as being deleted.
    pub is_never_ready: bool,
}

/// A request as people are shown it: all of it but the key.
#[derive(Debug, Clone, Serialize)]
pub struct ShownRequest {
    pub method: &'static str,
    pub url: String,
    /// `X-Pinecone-Api-Version`.
    pub api_version: String,
    pub body: Value,
}

#[derive(Serialize)]
struct Body<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    tags: &'a std::collections::BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_protection: Option<&'static str>,
}

impl IndexCreator {
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    /// What it asks with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The request that [`IndexCreator::create`] would send.
    pub fn shown(&self, backup: &BackupId, index: &NewIndex) -> ShownRequest {
        ShownRequest {
            method: "POST",
            url: self.client.shown_url(&segments(backup)),
            api_version: self.client.version().to_owned(),
            body: serde_json::from_slice(&body(index)).unwrap_or_default(),
        }
    }

    /// Asks for an index that is made of this backup: one request.
    pub async fn create(&self, backup: &BackupId, index: &NewIndex) -> Creation {
        let url = self.client.url(&segments(backup));
        let mut request = self.client.request(Method::POST, &url);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(body(index).into());

        match self.client.send(request).await {
            Ok(answer) if answer.status.is_success() => {
                let started = self.client.json(answer.body, &url).and_then(|value| started(&value));
                started.map_or_else(Creation::Unclear, Creation::Started)
            }
            Ok(answer) => {
                let status = answer.status.as_u16();
                of_status(status, self.client.refusal(answer, &url))
            }
            Err(error) => {
                let is_unsent = error.is_unsent();
                let error = self.client.transport(&error, &url).await;
                if is_unsent { Creation::NotProcessed(error) } else { Creation::Unclear(error) }
            }
        }
    }

    /// The status of a backup.
    pub async fn backup_status(&self, backup: &BackupId) -> ApiReply<String> {
        let reply = self.client.get(self.client.url(&["backups", backup.as_str()])).await;
        reply.and_then(|value| {
            let status = value.get("status").and_then(Value::as_str).map(wire::shown);
            status.ok_or_else(|| Error::Unreadable("`status` is missing or no text".to_owned()))
        })
    }

    /// The index of this name, and which backup it was made of.
    pub async fn find(&self, index: &NewIndex) -> ApiReply<FoundIndex> {
        let url = self.client.url(&["indexes", index.name.as_str()]);
        self.client.get(url).await.and_then(|value| {
            let described = wire::index(&value).map_err(Error::Unreadable)?;
            if described.name != index.name.as_str() {
                return Err(Error::Unreadable("it is about another index".to_owned()));
            }
            let is_never_ready = described.state.is_some_and(|state| state.is_never_ready());
            Ok(FoundIndex { source: source(&value), is_never_ready })
        })
    }
}

fn segments(backup: &BackupId) -> [&str; 3] {
    ["backups", backup.as_str(), "create-index"]
}

fn body(index: &NewIndex) -> Vec<u8> {
    let deletion_protection = index.deletion_protection.then_some("enabled");
    let body = Body { name: index.name.as_str(), tags: &index.tags, deletion_protection };
    // Texts and a map of texts can always be written.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// What a status other than success means for a request that starts something.
fn of_status(status: u16, error: Error) -> Creation {
    match status {
        409 => Creation::NameTaken(error),
        // The limit is checked before a request is processed (RFC 6585, section 4).
        429 => Creation::NotProcessed(error),
        // A gateway may give up on a request that the API goes on with.
        408 | 500.. => Creation::Unclear(error),
        _ => Creation::Refused(error),
    }
}

fn started(value: &Value) -> Result<Started, Error> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let job = text("restore_job_id")
        .ok_or_else(|| Error::Unreadable("`restore_job_id` is missing or no text".to_owned()))?;
    let job = JobId::new(job).map_err(|error| Error::Unreadable(error.to_string()))?;
    Ok(Started { job, index_id: text("index_id").map(wire::shown) })
}

fn source(index: &Value) -> IndexSource {
    match index.get("source_backup_id") {
        Some(Value::Null) => IndexSource::NoBackup,
        Some(Value::String(backup)) => IndexSource::Backup(wire::shown(backup)),
        Some(_) | None => IndexSource::Unsaid,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn index(tags: &[(&str, &str)], deletion_protection: bool) -> NewIndex {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        NewIndex { name: "docs".parse().unwrap(), tags: tags.collect(), deletion_protection }
    }

    #[test]
    fn the_body_has_what_was_asked_for_and_no_more() {
        for (index, written) in [
            (index(&[], false), r#"{"name":"docs"}"#),
            (
                index(&[("team", "search"), ("a", "\"")], true),
                r#"{"name":"docs","tags":{"a":"\"","team":"search"},"deletion_protection":"enabled"}"#,
            ),
        ] {
            assert_eq!(String::from_utf8(body(&index)).unwrap(), written);
        }
    }

    #[test]
    fn a_status_says_whether_anything_was_started() {
        let meaning = |status| match of_status(status, Error::Unreadable(String::new())) {
            Creation::Started(_) => "started",
            Creation::NotProcessed(_) => "again",
            Creation::Refused(_) => "refused",
            Creation::NameTaken(_) => "taken",
            Creation::Unclear(_) => "unclear",
        };
        for (statuses, expected) in [
            (&[302, 400, 401, 402, 403, 404, 405, 412, 413, 422][..], "refused"),
            (&[409], "taken"),
            (&[429], "again"),
            (&[408, 500, 502, 503, 504, 599], "unclear"),
        ] {
            for status in statuses {
                assert_eq!(meaning(*status), expected, "{status}");
            }
        }
    }

    #[test]
    fn an_answer_without_an_id_is_not_understood() {
        let good = started(&json!({ "restore_job_id": "RJ-1", "index_id": "i-1" })).unwrap();
        assert_eq!((good.job.as_str(), good.index_id.as_deref()), ("RJ-1", Some("i-1")));

        for bad in [json!(null), json!([]), json!({ "restore_job_id": 7 }), json!({ "restore_job_id": "" })] {
            assert!(started(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_source_of_an_index_is_read_in_every_shape() {
        for (index, expected) in [
            (json!({ "name": "docs" }), IndexSource::Unsaid),
            (json!({ "source_backup_id": 7 }), IndexSource::Unsaid),
            (json!({ "source_backup_id": null }), IndexSource::NoBackup),
            (json!({ "source_backup_id": "b-1" }), IndexSource::Backup("b-1".to_owned())),
        ] {
            assert_eq!(source(&index), expected);
        }
    }
}
