//! A command as a process group of its own.
//!
//! Invariant: no signal is sent to a group whose id may belong to another one: the leader stays a
//! zombie, which holds the id, until the group is out of reach. A wait for the command may be given
//! up at any time: then the group is asked to end, what does not is killed, and the leader is reaped
//! all the same.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::net::unix::pipe;
use tokio::sync::{Notify, oneshot};

use crate::platform::blocking;

/// From SIGTERM to SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// How long a killed command may take to end when this process ends.
const LAST: Duration = Duration::from_secs(1);

/// How many commands of this process run.
static RUNNING: Mutex<usize> = Mutex::new(0);

/// One of them ended.
static ENDED: Condvar = Condvar::new();

/// The same, for [`ended`].
static ENDED_ASYNC: Notify = Notify::const_new();

/// A command that runs.
pub(super) struct Started {
    pub(super) group: Group,
    /// Its standard input.
    pub(super) input: pipe::Sender,
    /// Its standard output.
    pub(super) output: pipe::Receiver,
    /// Its standard error.
    pub(super) errors: pipe::Receiver,
    /// How it ended. Closed without a value if its thread panicked.
    pub(super) ended: oneshot::Receiver<io::Result<ExitStatus>>,
}

/// The process group of a command. If this is dropped before its leader ended, it is asked to end,
/// and killed some time later.
pub(super) struct Group(Arc<Mutex<State>>);

struct State {
    /// The leader, until it is reaped.
    leader: Option<Pid>,
    /// Nothing of the group may outlive its leader.
    is_condemned: bool,
    /// The ends from which its output is read, as long as the leader lives: without a reader, a
    /// shell that is asked to end dies of its own message before it can do anything about it.
    readers: Vec<OwnedFd>,
}

/// A group that was born, with its standard input, output and error.
type Born = io::Result<(Group, [OwnedFd; 3])>;

/// Starts a command whose three streams are pipes. It starts on a thread of its own: a program on a
/// file system that hangs keeps no other work waiting.
pub(super) async fn start(command: Command) -> io::Result<Started> {
    let (sender, born) = oneshot::channel();
    let ended = blocking::start("exec", move || look_after(command, sender))?;

    // A panic has printed itself.
    let born = born.await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()));
    let (group, [input, output, errors]) = born?;
    Ok(Started {
        group,
        input: pipe::Sender::from_owned_fd(input)?,
        output: pipe::Receiver::from_owned_fd(output)?,
        errors: pipe::Receiver::from_owned_fd(errors)?,
        ended,
    })
}

/// Starts a command, and waits for its end.
fn look_after(mut command: Command, born: oneshot::Sender<Born>) -> io::Result<ExitStatus> {
    let _counted = Counted::new();
    let mut child = match command.process_group(0).spawn() {
        Ok(child) => child,
        Err(error) => {
            let kind = error.kind();
            drop(born.send(Err(error)));
            return Err(kind.into());
        }
    };

    let streams = streams(&mut child).ok_or(io::ErrorKind::BrokenPipe.into());
    let readers = streams.iter().flat_map(|[_, output, errors]| [output, errors]);
    let readers = readers.filter_map(|end| end.try_clone().ok()).collect();
    let state = Arc::new(Mutex::new(State { leader: leader(&child), is_condemned: false, readers }));
    let group = Group(Arc::clone(&state));
    // If nothing waits for it any more, the group ends as it is dropped.
    drop(born.send(streams.map(|streams| (group, streams))));

    reap(&mut child, &state)
}

/// Waits for the end of the leader, and takes it and its group out of reach.
fn reap(child: &mut Child, state: &Mutex<State>) -> io::Result<ExitStatus> {
    if let Some(leader) = leader(child) {
        // It stays a zombie.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(leader), options), Err(Errno::INTR)) {}
    }

    let mut state = locked(state);
    if state.is_condemned {
        state.send(Signal::KILL);
    }
    state.leader = None;
    state.readers.clear();
    child.wait()
}

fn leader(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

fn streams(child: &mut Child) -> Option<[OwnedFd; 3]> {
    Some([child.stdin.take()?.into(), child.stdout.take()?.into(), child.stderr.take()?.into()])
}

fn locked<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    // No panic can leave it half changed.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn send(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // There is always a process to send it to, if only a zombie.
            let _ = kill_process_group(leader, signal);
        }
    }
}

impl Group {
    /// Asks all of the group to end. What has not when its leader ends is killed.
    pub(super) fn terminate(&self) {
        condemn(&self.0, Signal::TERM);
    }

    /// Kills all of the group.
    pub(super) fn kill(&self) {
        condemn(&self.0, Signal::KILL);
    }
}

fn condemn(state: &Mutex<State>, signal: Signal) {
    let mut state = locked(state);
    state.is_condemned = true;
    state.send(signal);
}

impl Drop for Group {
    fn drop(&mut self) {
        if locked(&self.0).leader.is_none() {
            return;
        }
        self.terminate();
        let state = Arc::clone(&self.0);
        let kill = move || {
            std::thread::sleep(GRACE);
            condemn(&state, Signal::KILL);
        };
        if blocking::start("exec-end", kill).is_err() {
            self.kill();
        }
    }
}

/// Waits for the end of all commands that nothing waits for any more, as this process ends.
pub fn await_end() {
    let running = locked(&RUNNING);
    drop(ENDED.wait_timeout_while(running, GRACE + LAST, |running| *running > 0));
}

/// Waits until a command ended since the last call.
pub(super) async fn ended() {
    ENDED_ASYNC.notified().await;
}

/// Does this if no command of this process exists. None starts meanwhile.
pub(super) fn while_none_runs(work: impl FnOnce()) {
    let running = locked(&RUNNING);
    if *running == 0 {
        work();
    }
}

/// Counts a command as one that runs, from before its start until it is reaped.
struct Counted;

impl Counted {
    fn new() -> Self {
        *locked(&RUNNING) += 1;
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *locked(&RUNNING) -= 1;
        ENDED.notify_all();
        ENDED_ASYNC.notify_one();
    }
}
