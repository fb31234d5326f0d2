//! Many things at once, in orders that nobody chose.

use std::{sync::Mutex, time::Duration};

use proptest::prelude::*;
use rpcplugin_broker::{Broker, BrokerOptions, Role, ServiceId};
use rpcplugin_transport::{EndReason, Generation};

use crate::support::{
    Alone, Setup, Task, ask, connected, eventually, names, service_of, tasks, within,
};

/// What somebody may do with the two brokers.
#[derive(Clone, Debug)]
enum Step {
    /// Serve something and let the other side call it.
    Call(Role),
    /// Serve something and drop it.
    Drop(Role),
    /// Serve something and leave it open.
    Keep(Role),
    /// Close what was left open.
    Close(Role),
    /// Dial a number, and give up after some polls.
    GiveUp(Role, u32, u8),
    /// Lose the main connection, and make another one.
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    let role = prop_oneof![Just(Role::Host), Just(Role::Plugin)];
    (role, 0..12_u8, 1..20_u32, 1..6_u8).prop_map(|(role, kind, id, polls)| match kind {
        0..5 => Step::Call(role),
        5 => Step::Drop(role),
        6 | 7 => Step::Keep(role),
        8 => Step::Close(role),
        9 | 10 => Step::GiveUp(role, id, polls),
        _ => Step::Reconnect,
    })
}

/// Two sides whose main connection comes and goes.
struct World {
    host: Alone,
    plugin: Alone,
    connection: Mutex<Option<(Task, Task)>>,
    kept: Mutex<Vec<ServiceId>>,
}

impl World {
    fn new() -> Self {
        let options = BrokerOptions::new().timeout(Duration::from_millis(500));
        let setup = Setup { options, ..Setup::default() };
        let (host, plugin) = (Alone::new(Role::Host, &setup), Alone::new(Role::Plugin, &setup));
        Self { host, plugin, connection: Mutex::default(), kept: Mutex::default() }
    }

    async fn connect(&self) {
        let (channel, serving) =
            connected(service_of(&self.plugin.broker), &Generation::new()).await;
        let broker = self.host.broker.clone();
        let running = Task::spawn(async move {
            let _ = broker.run(channel).await;
        });
        *self.connection.lock().unwrap() = Some((serving, running));
    }

    fn brokers(&self, role: Role) -> (&Broker, &Broker) {
        let (host, plugin) = (&self.host.broker, &self.plugin.broker);
        if role == Role::Host { (host, plugin) } else { (plugin, host) }
    }

    /// Any step may fail, since the connection may be lost under it; none may hang, and what comes
    /// back is never somebody else's.
    async fn take(&self, step: Step, name: usize) {
        match step {
            Step::Call(role) => {
                let (server, dialler) = self.brokers(role);
                let reserved = server.next_id();
                let id = reserved.id();
                let (served, channel) =
                    tokio::join!(reserved.serve(names(name.to_string())), dialler.dial(id));
                if let (Ok(_served), Ok(channel)) = (served, channel)
                    && let Ok(answer) = ask(&channel, "k").await
                {
                    assert_eq!(answer, format!("{name}:k"));
                }
            }
            Step::Drop(role) => drop(self.brokers(role).0.serve(names("dropped")).await),
            Step::Keep(role) => {
                if let Ok(served) = self.brokers(role).0.serve(names("kept")).await {
                    let id = served.keep();
                    self.kept.lock().unwrap().push(id);
                }
            }
            Step::Close(role) => {
                let id = self.kept.lock().unwrap().pop();
                id.map(|id| self.brokers(role).0.close(id));
            }
            Step::GiveUp(role, id, polls) => {
                let mut dial = Box::pin(self.brokers(role).0.dial(id));
                for _ in 0..polls {
                    if futures_util::poll!(dial.as_mut()).is_ready() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            Step::Reconnect => self.connect().await,
        }
    }
}

async fn check(steps: Vec<Step>) {
    let before = tasks();
    let world = World::new();
    world.connect().await;
    let all = steps.into_iter().enumerate().map(|(name, step)| world.take(step, name));
    within(20, futures_util::future::join_all(all)).await;

    world.host.generation.end(EndReason::ShutDown);
    world.plugin.generation.end(EndReason::ShutDown);
    world.host.no_sockets().await;
    world.plugin.no_sockets().await;
    *world.connection.lock().unwrap() = None;
    eventually(|| tasks() == before).await;
    for broker in [&world.host.broker, &world.plugin.broker] {
        let counts = broker.counts();
        assert_eq!((counts.served, counts.unclaimed), (0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_hangs_is_crossed_or_stays(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps));
    }
}
