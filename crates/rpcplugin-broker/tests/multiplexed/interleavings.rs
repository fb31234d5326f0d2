//! Many things at once, in orders that nobody chose.

use std::{sync::Mutex, time::Duration};

use proptest::prelude::*;
use rpcplugin_broker::{Broker, BrokerOptions, Role, ServiceId};
use rpcplugin_transport::EndReason;

use crate::{
    pair::MuxPair,
    support::{Setup, ask, eventually, names, tasks, within},
};

/// What somebody may do with the two brokers.
#[derive(Clone, Debug)]
enum Step {
    /// Serve something and let the other side call it.
    Call(Role),
    /// Serve something and let the other side call it over several connections.
    Redial(Role, u8),
    /// Serve something and drop it.
    Drop(Role),
    /// Serve something and leave it open.
    Keep(Role),
    /// Close what was left open.
    Close(Role),
    /// Dial a number, and give up after some polls.
    GiveUp(Role, u32, u8),
    /// Make a new main connection.
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    let role = prop_oneof![Just(Role::Host), Just(Role::Plugin)];
    (role, 0..14_u8, 1..20_u32, 1..12_u8).prop_map(|(role, kind, id, polls)| match kind {
        0..5 => Step::Call(role),
        5 | 6 => Step::Redial(role, polls % 4),
        7 => Step::Drop(role),
        8 | 9 => Step::Keep(role),
        10 => Step::Close(role),
        11 | 12 => Step::GiveUp(role, id, polls),
        _ => Step::Reconnect,
    })
}

struct World {
    pair: MuxPair,
    kept: Mutex<Vec<ServiceId>>,
}

impl World {
    fn brokers(&self, role: Role) -> (&Broker, &Broker) {
        let (host, plugin) = self.pair.brokers();
        if role == Role::Host { (host, plugin) } else { (plugin, host) }
    }

    /// Any step may fail, since the broker's stream may be lost under it; none may hang, and what
    /// comes back is never somebody else's.
    async fn take(&self, step: Step, name: usize) {
        match step {
            Step::Call(role) => self.call(role, name, 1).await,
            Step::Redial(role, times) => self.call(role, name, times).await,
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
            Step::Reconnect => self.pair.connect().await,
        }
    }

    async fn call(&self, role: Role, name: usize, times: u8) {
        let (server, dialler) = self.brokers(role);
        let reserved = server.next_id();
        let id = reserved.id();
        let (served, channel) =
            tokio::join!(reserved.serve(names(name.to_string())), dialler.dial(id));
        if let (Ok(_served), Ok(channel)) = (served, channel) {
            for _ in 0..times {
                if let Ok(answer) = ask(&channel, "k").await {
                    assert_eq!(answer, format!("{name}:k"));
                }
                channel.cut("the test");
            }
        }
    }
}

async fn check(steps: Vec<Step>) {
    let before = tasks();
    let options = BrokerOptions::new().timeout(Duration::from_millis(500));
    let pair = MuxPair::new(Setup { options, ..Setup::default() }).await;
    let world = World { pair, kept: Mutex::default() };
    let all = steps.into_iter().enumerate().map(|(name, step)| world.take(step, name));
    within(60, futures_util::future::join_all(all)).await;

    // Whatever happened, nothing is shifted.
    for role in [Role::Host, Role::Plugin] {
        let (server, dialler) = world.brokers(role);
        let last = async {
            loop {
                let Ok(served) = server.serve(names("last")).await else { continue };
                let Ok(channel) = dialler.dial(served.id()).await else { continue };
                return ask(&channel, "k").await;
            }
        };
        assert_eq!(within(60, last).await.unwrap(), "last:k");
    }

    world.pair.host.alone.generation.end(EndReason::ShutDown);
    world.pair.plugin.alone.generation.end(EndReason::ShutDown);
    for side in [&world.pair.host, &world.pair.plugin] {
        within(5, side.multiplexer.ended()).await;
        eventually(|| side.broker().counts().served == 0).await;
    }
    drop(world);
    eventually(|| tasks() == before).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_hangs_is_crossed_or_stays(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps));
    }
}
