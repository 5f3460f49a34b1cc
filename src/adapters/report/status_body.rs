//! The answer to a request for a status, written part by part.
//!
//! Invariant: the parts together are the document that [`Status`] is as a whole. The next part is
//! asked for after the one before was taken, so that a client that does not read costs none of the
//! time of the daemon's loop.

use std::io;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use tokio::sync::mpsc;

use super::{
    DaemonStatus, JobCursor, JobStatus, JobsPart, OutboxStatus, Parts, Question, Status, StatusPart, ask,
};
use crate::model::OutcomeCounts;

/// The answer that begins with this part.
pub fn answer<Q>(part: StatusPart, requests: mpsc::Sender<Q>) -> io::Result<Response>
where
    Q: From<Question> + Send + 'static,
{
    let StatusPart { status: Status { daemon, jobs, outcomes, outbox }, rest } = part;
    let mut document = Document::default();
    document.begin(&daemon)?;
    document.add(&jobs)?;

    let body = if let Some(cursor) = rest {
        let first = document.take();
        Rest { document, cursor, outbox, requests }.into_body(first)
    } else {
        document.end(&outcomes, &outbox)?;
        Body::from(document.take())
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// What comes after the parts that were made.
struct Rest<Q> {
    document: Document,
    cursor: JobCursor,
    outbox: OutboxStatus,
    requests: mpsc::Sender<Q>,
}

impl<Q: From<Question> + Send + 'static> Parts for Rest<Q> {
    async fn next(mut self) -> io::Result<(Bytes, Option<Self>)> {
        let part = ask(&self.requests, |reply| Question::Jobs(Box::new(self.cursor), reply).into()).await;
        let JobsPart { jobs, outcomes, rest } = part.map_err(|fault| io::Error::other(fault.error))?;

        self.document.add(&jobs)?;
        let Some(cursor) = rest else {
            self.document.end(&outcomes, &self.outbox)?;
            return Ok((self.document.take(), None));
        };
        Ok((self.document.take(), Some(Self { cursor, ..self })))
    }
}

/// A status as JSON, as far as it is written.
#[derive(Debug, Default)]
struct Document {
    text: Vec<u8>,
    has_jobs: bool,
}

impl Document {
    /// Writes what stands before the jobs.
    fn begin(&mut self, daemon: &DaemonStatus) -> serde_json::Result<()> {
        serde_json::to_writer(&mut self.text, daemon)?;
        // Its last character ends the object, which goes on here.
        self.text.pop();
        self.text.extend(b",\"jobs\":[");
        Ok(())
    }

    fn add(&mut self, jobs: &[JobStatus]) -> serde_json::Result<()> {
        for job in jobs {
            if std::mem::replace(&mut self.has_jobs, true) {
                self.text.push(b',');
            }
            serde_json::to_writer(&mut self.text, job)?;
        }
        Ok(())
    }

    /// Writes what stands after the jobs.
    fn end(&mut self, outcomes: &OutcomeCounts, outbox: &OutboxStatus) -> serde_json::Result<()> {
        let rest = serde_json::to_vec(outbox)?;
        self.text.extend(b"],\"outcomes\":");
        serde_json::to_writer(&mut self.text, outcomes)?;
        self.text.push(b',');
        // Its first character begins an object, which began before.
        self.text.extend(&rest[1..]);
        Ok(())
    }

    /// What was written since this was called last.
    fn take(&mut self) -> Bytes {
        // Without the room that it had to grow: it may wait for its client for long.
        std::mem::take(&mut self.text).into_boxed_slice().into()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::iter;
    use std::pin::Pin;

    use axum::body::HttpBody as _;

    use proptest::prelude::*;
    use serde_json::{Value, json};
    use tokio::sync::mpsc;

    use super::*;

    fn status(jobs: usize) -> Status {
        let job = |number: usize| {
            json!({
                "project": "one",
                "job": { "id": format!("rj-{number}"), "name": "a \"name\", [of] {one}" },
                "outcome": "open", "until": "completed", "elapsed_seconds": 0.1, "polls": number,
                "pending_deliveries": 0, "configured": true, "added": false, "discovered": false, "paused": false,
            })
        };
        let status = json!({
            "version": "1.2.3", "pid": 42, "started_at": "2026-11-23T12:00:00Z",
            "timestamp": "2026-11-23T12:00:01Z", "summary": "all is well", "projects": [],
            "jobs": (0..jobs).map(job).collect::<Vec<_>>(), "outcomes": { "open": jobs + 1 },
            "sinks": [{ "name": "log", "configured": true, "pending": 0, "dead": 2 }],
            "deliveries": { "pending": 7, "dead": 2 },
        });
        serde_json::from_value(status).unwrap()
    }

    /// The document in parts with these numbers of jobs.
    fn written(status: &Status, sizes: &[usize]) -> String {
        let (mut document, mut jobs) = (Document::default(), &status.jobs[..]);
        document.begin(&status.daemon).unwrap();
        for size in sizes.iter().copied().chain(iter::once(usize::MAX)) {
            let (part, rest) = jobs.split_at(size.min(jobs.len()));
            document.add(part).unwrap();
            jobs = rest;
        }
        document.end(&status.outcomes, &status.outbox).unwrap();
        String::from_utf8(document.take().into()).unwrap()
    }

    proptest! {
        #[test]
        fn parts_together_are_the_whole(jobs in 0_usize..9, sizes in prop::collection::vec(0_usize..4, 0..6)) {
            let status = status(jobs);

            let text = written(&status, &sizes);

            prop_assert_eq!(&text, &serde_json::to_string(&status).unwrap());
            prop_assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
        }
    }

    #[test]
    fn the_keys_of_a_status_keep_their_order() {
        let text = serde_json::to_string(&status(1)).unwrap();

        let Value::Object(whole) = serde_json::from_str(&text).unwrap() else { panic!("no object: {text}") };

        let keys: Vec<_> = whole.keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "version",
                "pid",
                "started_at",
                "timestamp",
                "config",
                "state",
                "summary",
                "trouble",
                "troubles",
                "last_reload",
                "cluster",
                "projects",
                "jobs",
                "outcomes",
                "sinks",
                "deliveries",
                "silences"
            ]
        );
    }

    /// A body that begins with the first of these jobs, and the requests for the others.
    fn begun(jobs: usize) -> (Body, Status, mpsc::Receiver<Question>) {
        let whole = status(jobs);
        let first = Status { jobs: whole.jobs[..1].to_vec(), ..whole.clone() };
        let (requests, asked) = mpsc::channel(1);
        let part = StatusPart { status: first, rest: Some(JobCursor::default()) };
        (answer(part, requests).unwrap().into_body(), whole, asked)
    }

    async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap()))
    }

    #[tokio::test]
    async fn the_next_part_is_asked_for_after_the_one_before() {
        let (mut body, whole, mut asked) = begun(3);
        let mut text = next(&mut body).await.unwrap().unwrap().to_vec();
        assert!(asked.try_recv().is_err(), "a client that reads no further asks for nothing");

        for (at, rest) in [(1, Some(JobCursor::default())), (2, None)] {
            let jobs = vec![whole.jobs[at].clone()];
            let loop_answers = async {
                let Some(Question::Jobs(_, reply)) = asked.recv().await else {
                    panic!("no request for jobs")
                };
                reply.send(Ok(JobsPart { jobs, outcomes: whole.outcomes, rest })).unwrap();
            };
            let (part, ()) = tokio::join!(next(&mut body), loop_answers);
            text.extend(part.unwrap().unwrap());
            assert!(asked.try_recv().is_err());
        }

        assert!(next(&mut body).await.is_none());
        assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string(&whole).unwrap());
    }

    #[tokio::test]
    async fn a_body_whose_daemon_stops_ends_with_an_error() {
        let (mut body, _, asked) = begun(2);
        assert!(next(&mut body).await.unwrap().is_ok());

        drop(asked);

        assert!(next(&mut body).await.unwrap().is_err());
        assert!(next(&mut body).await.is_none());
    }
}
