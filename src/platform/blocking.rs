//! Work that may block, on a thread of its own.
//!
//! Invariant: a file that blocks delays neither a loop nor the end of the process; without a thread
//! to give, the system causes an error and no panic.

use std::io;
use std::thread::Builder;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Starts `work` on a thread, within the runtime of the caller, if there is one. The receiver is
/// closed without a value if the work panics. Only the end of the process ends a thread whose work
/// does not end.
pub fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (reply, answer) = oneshot::channel();
    let runtime = Handle::try_current().ok();
    Builder::new().name(name.to_owned()).spawn(move || {
        let _entered = runtime.as_ref().map(Handle::enter);
        // The receiver may be gone.
        drop(reply.send(work()));
    })?;
    Ok(answer)
}
