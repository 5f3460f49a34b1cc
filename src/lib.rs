//! `restore-watch` watches Pinecone restore jobs and tells people and programs, once and surely, when one ends.
//!
//! # Architecture
//!
//! One pure state machine decides; thin shells act. Everything that is hard about this program (when to poll, what an
//! answer means, what must be told, what is still pending to whom) is plain data and functions of `(state, event, now)`.
//! Everything that touches the world is an adapter that carries out what the machine asked for.
//!
//! Each layer imports only those below it; `tests/layers` reads the paths in the code and fails on any other import.
//!
//! ```text
//! main, cli       one file per command: parse, call, print, exit code
//! app             the loops: daemon and wait over the driver, which feeds the engine and carries out its actions
//! adapters        ci, control, monitor, pinecone, sinks, store, systemd, telemetry: each touches one part of the world
//!                 and imports none of the others; http is below them
//! simulate        a simulated control plane
//! engine          pure: decides when to poll, what an answer means, what is emitted and what is delivered next
//! config          files and environment to validated settings
//! platform        clocks, files, signals, output: what touches the operating system and knows nothing of restores
//! model           ids, statuses, events, times, exit codes
//! ```
//!
//! # One event's way
//!
//! A poll ends, a deadline comes, a batch is committed or a delivery is made: [`app::driver::Driver::turn`] waits for the next
//! of these and hands it to [`engine::Engine::step`], which answers with actions. An answer of the API becomes an
//! observation; the job's tracker decides what is to be told; the job as it is then, the transitions and what is owed for
//! them become one batch to commit; only once it is committed do the deliveries go out, and what was told reaches the
//! shell. What became of a delivery is part of the next batch, and only once that is committed does the next delivery of
//! the same job to the same sink go out. A process that starts makes its engine of what was committed, by
//! [`engine::Engine::from_snapshot`]: a first start is the case in which that is nothing.
//!
//! What people want meanwhile is an event of the daemon's loop, too, whether it comes by a signal or by the control
//! socket: it becomes a change of the engine ([`engine::Engine::reconfigure`] and its like), which is part of the next
//! batch, and is answered once that is committed. A start is the change from nothing.
//!
//! A page of the list of jobs ([`engine::Action::List`]) is an answer of the API about many jobs: its rows become
//! observations like any other, and what they show of jobs that nobody named becomes jobs. It proves nothing by what is not
//! on it, and no end: that is described first.
//!
//! A job that completed and is watched until its index is ready is polled on, by the same rules; [`engine::Answer`] is of
//! either.
//!
//! # What always holds
//!
//! - Only [`platform::clock`] reads clocks, and only the engine decides what becomes of a watched job; with the same events, times and seed it decides the same.
//! - A job that ended stays ended, and each event is emitted once, over all restarts.
//! - Events are delivered only after they are committed. What is committed is delivered, or becomes a dead letter.
//! - Every attempt at a delivery has the id and the body that were committed.
//! - No request goes out before its project's limiter permits it. A server that limits is asked less.
//! - A configuration is used whole or not at all. A job, project or sink that leaves the configuration and comes back
//!   continues from what is committed of it.
//! - The loop itself sends the watchdog ping and the monitor ping, and only while nothing that it began is stuck.
//! - Polling never waits for a sink, one sink never waits for another, one project's trouble is no other's.
//! - The API key goes into one header of requests to one endpoint, and into nothing else. No secret is in the state.
//!
//! Of clocks and time:
//!
//! - A committed time is read by the clock that wrote it: of a wait, no more is left at a start than was left when it was
//!   committed. The times of a server are compared with the clock of that server.
//! - Of a project that may be asked, each open job is polled in its time, or the monitor ping stops.
//! - A limit that passed while the loop did not run proves nothing.
//! - History is what the first complete scan of the first start shows as ended, by the clock of the server. What was deleted
//!   from the state or forgotten never becomes an event, and an open job is never deleted by time alone.
//!
//! Of connections and servers:
//!
//! - Whatever a server sends takes the time of its own thread only, and a request ends within its time limit.
//! - A connection on which nothing was answered for a whole time limit is left, and no request waits for a place on a
//!   connection that others fill. A message that is cut on a used connection is repeated once, at once, over a new one.
//! - Each address of a name has its turn within one time limit, and at most one look-up of a name is under way.
//! - A request that cannot be made as it is configured is no outage. Refusals of a key count only some seconds apart.
//! - Whatever a server lists, the rows, jobs and state that come of it are bounded, and a request to stop comes first.
//! - A time that cannot be a restore's is not set.
//!
//! Of texts:
//!
//! - What comes from outside, errors of libraries included, is inert and without secrets, in whatever encoding, before it is
//!   kept or shown.
//! - A value that only another tool could have replaced is refused where it is written. An id is judged where it is given, and
//!   a UUID is one id however it is written.
//!
//! Of the process and its state:
//!
//! - A state has one name and one user. A daemon commits only to the file that has that name, on threads that do nothing
//!   else. A database and its log stay together wherever the process is killed.
//! - A request to stop ends a start that waits for a file; a signal that the caller ignores stays ignored.
//! - What a wait needs at its end is checked at its start. A system that gives too little is an error and no panic.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod engine;
pub mod model;
pub mod platform;
pub mod simulate;
