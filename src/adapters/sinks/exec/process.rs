//! A command as a process group of its own.
//!
//! Invariant: no signal is sent to a group whose id may belong to another one: the leader stays a
//! zombie, which holds the id, until the group is out of reach. Whoever waits for the command may
//! stop waiting at any time: then the group is killed, and its leader is reaped all the same.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use crate::platform::blocking;

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

/// The process group of a command. It is killed if this is dropped before its leader ended.
pub(super) struct Group(Arc<Mutex<State>>);

struct State {
    /// The leader, until it is reaped.
    leader: Option<Pid>,
    /// Nothing of the group may outlive its leader.
    is_condemned: bool,
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
    let mut child = match command.process_group(0).spawn() {
        Ok(child) => child,
        Err(error) => {
            let kind = error.kind();
            drop(born.send(Err(error)));
            return Err(kind.into());
        }
    };

    let state = Arc::new(Mutex::new(State { leader: leader(&child), is_condemned: false }));
    let group = Group(Arc::clone(&state));
    let streams = streams(&mut child).ok_or(io::ErrorKind::BrokenPipe.into());
    // If nothing waits for it any more, the group is killed as it is dropped.
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
    child.wait()
}

fn leader(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

fn streams(child: &mut Child) -> Option<[OwnedFd; 3]> {
    Some([child.stdin.take()?.into(), child.stdout.take()?.into(), child.stderr.take()?.into()])
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
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
        self.condemn(Signal::TERM);
    }

    /// Kills all of the group.
    pub(super) fn kill(&self) {
        self.condemn(Signal::KILL);
    }

    fn condemn(&self, signal: Signal) {
        let mut state = locked(&self.0);
        state.is_condemned = true;
        state.send(signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
