//! The end of a term: what is under way ends, and the lease goes to another replica.

use std::time::Duration;

use tracing::{error, info, warn};

use super::{Daemon, Term, asked_on_web, publish};
use crate::adapters::report::{RequestError, RequestErrorKind};
use crate::adapters::store::StoreError;
use crate::adapters::web;
use crate::app::driver::Error;
use crate::engine::Command;
use crate::platform::signals::Signals;

/// How long giving the lease back may take.
const GIVING_BACK: Duration = Duration::from_secs(5);

/// Why a term is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    Stop,
    Handover,
}

impl Term<'_> {
    /// Leaves the state to another replica at once, unless a request to stop ends that. Returns whether
    /// there was one.
    pub(in crate::app::daemon) async fn give_back(&mut self, signals: &mut Signals) -> bool {
        if self.cluster.is_none() {
            return false;
        }
        let given_back = tokio::select! {
            biased;
            given_back = tokio::time::timeout(GIVING_BACK, self.driver.give_back()) => given_back,
            _ = signals.next() => return true,
        };
        match given_back {
            Ok(Ok(())) => info!("gave the lease back"),
            Ok(Err(error)) => {
                warn!("the lease was not given back, and is free when it runs out: {}", error.fault);
            }
            Err(_) => warn!("the lease was not given back in time, and is free when it runs out"),
        }
        false
    }

    /// Ends the term because of this: nothing can be confirmed any more. A lease that is not lost is
    /// given back, as another replica may be free of the fault. Returns whether there was a request to
    /// stop meanwhile.
    pub(super) async fn fail(&mut self, error: &Error, signals: &mut Signals) -> bool {
        match error {
            Error::Store(error) if error.is_deposed() => warn!("lost the lease: {}", error.fault),
            Error::LeaseOver => warn!("lost the lease: it was not renewed in time"),
            Error::Store(error) => error!("this replica ends its term: {error}; {}", error.help),
            Error::NoJobs | Error::Internal(_) => error!("this replica ends its term: {error}"),
        }
        let is_deposed = error.is_deposed();
        let error = "this replica lost the lease of the state before it could confirm the change";
        let help = "look whether it is in force (restore-watch status), and ask again if not";
        self.answers.refuse(&RequestError::new(RequestErrorKind::Stopping, error).with_help(help));
        !is_deposed && self.give_back(signals).await
    }

    /// Ends because the files of the state were deleted or replaced: further commits would be lost,
    /// so all that remains is to send pending deliveries. The next start continues from the file
    /// that it finds.
    pub(super) async fn give_up(
        &mut self,
        lost: StoreError,
        daemon: &mut Daemon,
        signals: &mut Signals,
    ) -> Error {
        error!("{lost}; ending, because nothing can be committed");
        match self.drain(Leaving::Stop, daemon, signals).await {
            Ok(_) => Error::Store(lost),
            Err(error) => error,
        }
    }

    /// Stops polling and sends pending deliveries; a further request to stop ends that, too. Returns
    /// whether there was one.
    pub(super) async fn drain(
        &mut self,
        leaving: Leaving,
        daemon: &mut Daemon,
        signals: &mut Signals,
    ) -> Result<bool, Error> {
        let driver = &mut self.driver;
        let pending = driver.engine().deliveries().pending();
        match leaving {
            Leaving::Stop => {
                // No further requests are accepted.
                daemon.control = None;
                daemon.enter(web::Phase::Stopping);
                daemon.liveness.stopping(daemon.drain_timeout);
                info!(pending, "stopping; pending deliveries: {pending}");
            }
            // Requests that come now are handed over to the next active replica.
            Leaving::Handover => info!(pending, "handing over; pending deliveries: {pending}"),
        }
        driver.command(Command::Stop);

        let clock = driver.clock();
        let limit = driver.now().instant + daemon.drain_timeout;
        let mut is_asked_to_stop = false;
        while self.driver.engine().deliveries().busy_until(limit) {
            tokio::select! {
                biased;
                _ = signals.next() => {
                    is_asked_to_stop = true;
                    break;
                }
                () = clock.sleep_until(Some(limit)) => break,
                () = daemon.liveness.due() => {}
                turned = self.driver.turn() => publish(daemon, &turned?),
                question = asked_on_web(daemon.web.as_mut()) => match question {
                    Some(question) => self.report(question, daemon),
                    None => daemon.listener_ended(),
                },
            }
            self.answers.send_committed(self.driver.engine());
            daemon.liveness.show(&self.driver, daemon.web.as_ref());
        }

        let pending = self.driver.engine().deliveries().pending();
        if pending > 0 {
            let ended = match leaving {
                Leaving::Stop => "stopped",
                Leaving::Handover => "handing over goes on",
            };
            warn!(pending, "{ended}; deliveries still pending: {pending}");
        }
        Ok(is_asked_to_stop)
    }
}
