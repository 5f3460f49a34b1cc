//! A take that waits for a session of a replica that is gone.
//!
//! Invariant: a session is ended only if this take really waits for it, it is of the same role and of
//! this program, and it has waited for its client within a transaction for longer than a lease. One
//! that waits for a synchronous standby of the server is left alone: its commit is being made.

use tracing::warn;

use super::connection::APPLICATION;
use super::fault::Fault;
use super::link::{Answer, Link};
use super::literal::Literal;
use super::row;
use super::times::Times;

/// Sends a take with this token. If it waits, ends the session that it waits for.
pub(super) async fn ask(link: &Link, sql: &str, token: &str, times: Times) -> Result<Answer, Fault> {
    let asked = link.ask(sql, times.message());
    tokio::pin!(asked);
    tokio::select! {
        answer = &mut asked => return answer,
        () = tokio::time::sleep(times.message() / 2) => {}
    }

    let unblocked = async {
        let beside = Link::to(link.database());
        match beside.ask(&end_blocking(token, times), times.message()).await {
            Ok(answer) => {
                for row in answer.last().into_iter().flatten() {
                    warn!(
                        "ended session {} at the PostgreSQL server, which kept the lease of a replica that is gone",
                        row::text(row, 0).unwrap_or_default()
                    );
                }
            }
            Err(fault) => warn!("cannot see what keeps the lease: {fault}"),
        }
    };
    tokio::join!(asked, unblocked).0
}

/// Ends the sessions that keep the take with this token waiting.
fn end_blocking(token: &str, times: Times) -> String {
    format!(
        "SELECT b.pid, pg_terminate_backend(b.pid) FROM pg_stat_activity w
         CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking (pid)
         JOIN pg_stat_activity b ON b.pid = blocking.pid
         WHERE w.pid <> pg_backend_pid() AND strpos(w.query, {}) > 0 AND w.wait_event_type = 'Lock'
             AND b.usename = current_user AND b.application_name = '{APPLICATION}'
             AND b.state LIKE 'idle in transaction%' AND b.wait_event = 'ClientRead'
             AND b.state_change < clock_timestamp() - interval '{} milliseconds'",
        Literal(token),
        times.lease.as_millis()
    )
}
