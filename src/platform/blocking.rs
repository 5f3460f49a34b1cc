//! Work that may wait for the system, on threads of their own.
//!
//! Invariant: a file that does not answer holds up neither a loop nor the end of the process, and where the system has no
//! thread to give, that is an error and no panic.

use std::io;
use std::thread::Builder;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Starts `work` on a thread, with the runtime of the caller, if there is one. The answer is closed without a value if the
/// work panics. Nothing ends a thread whose work does not end, but the end of the process.
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
