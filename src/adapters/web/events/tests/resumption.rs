//! Clients that are cut off and come back, while the daemon commits, restarts and prunes.

use proptest::prelude::*;

use super::stage::Stage;

/// What happens while some clients follow.
#[derive(Debug, Clone)]
enum Step {
    Commit {
        events: usize,
    },
    /// A client takes a part.
    Read {
        client: usize,
    },
    /// The connection of a client breaks within its next part, and it comes back.
    Cut {
        client: usize,
        bytes: usize,
    },
    Restart,
    /// The state drops this many of the events that every client got.
    Prune {
        events: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop_oneof![4 => 1_usize..4, 1 => 90_usize..230].prop_map(|events| Step::Commit { events }),
        4 => (0..CLIENTS).prop_map(|client| Step::Read { client }),
        3 => (0..CLIENTS, prop_oneof![0_usize..700, Just(usize::MAX)])
            .prop_map(|(client, bytes)| Step::Cut { client, bytes }),
        1 => Just(Step::Restart),
        1 => (1_usize..9).prop_map(|events| Step::Prune { events }),
    ];
    prop::collection::vec(step, 1..40)
}

const CLIENTS: usize = 3;

async fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut stage = Stage::new();
    stage.commit(2);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(stage.client().await);
    }

    for step in steps {
        match step {
            Step::Commit { events } => stage.commit(events),
            Step::Read { client } => _ = clients[client].pull(usize::MAX).await,
            Step::Cut { client, bytes } => {
                clients[client].pull(bytes).await;
                clients[client].connect(&stage).await;
            }
            Step::Restart => {
                stage = stage.restarted();
                for client in &mut clients {
                    client.connect(&stage).await;
                }
            }
            Step::Prune { events } => {
                let received = clients.iter().map(|client| client.ids.len() + 2).min().unwrap_or_default();
                let mut kept = stage.state.events();
                let pruned = stage.emitted.len() - kept.len();
                kept.drain(..events.min(received - pruned.min(received)));
            }
        }
    }
    // Those that have all get nothing again before the next one.
    stage.commit(1);
    for client in &mut clients {
        client.drain(&stage).await;
        prop_assert_eq!(&client.ids, &stage.emitted[2..]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn clients_that_come_back_get_each_event_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(play(steps))?;
    }
}
