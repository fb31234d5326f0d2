use std::sync::Mutex;

use futures_util::future::BoxFuture;
use rpcplugin_broker::{Broker, MainListener, Multiplexer, Protection, Role};
use rpcplugin_transport::{
    Accepted, BoxIo, ChannelOptions, Connector, Generation, Listener, Peer, PluginChannel,
    serving::{Gate as _, RpcService},
};
use tokio::task::JoinSet;

use crate::support::{Alone, Setup, Task, TestSide, http2, service_of};

/// One side of a multiplexed connection.
pub struct MuxSide {
    pub alone: Alone,
    pub multiplexer: Multiplexer,
}

fn alone(role: Role, setup: &Setup, generation: Generation, multiplexer: Multiplexer) -> MuxSide {
    let directory = tempfile::tempdir().unwrap();
    let index = usize::from(role == Role::Plugin);
    let protection = setup.protection[index].clone();
    let path = Some(directory.path().to_owned());
    let side = TestSide { role, directory: path, protection, only_inside: None };
    let broker =
        Broker::multiplexed(side, setup.options.clone(), generation.clone(), multiplexer.clone());
    MuxSide { alone: Alone { directory, generation, broker }, multiplexer }
}

impl MuxSide {
    pub fn host(setup: &Setup) -> Self {
        let generation = Generation::new();
        let multiplexer = Multiplexer::host(generation.clone());
        alone(Role::Host, setup, generation, multiplexer)
    }

    /// A plugin behind this listener, and what serves its main connections.
    pub fn plugin(setup: &Setup, listener: impl Listener) -> (Self, Task) {
        Self::with(setup, listener, |main| main)
    }

    /// The same, keeping its socket for the process that started this one.
    pub fn plugin_for_the_parent(setup: &Setup, listener: impl Listener) -> (Self, Task) {
        Self::with(setup, listener, MainListener::plaintext)
    }

    fn with(
        setup: &Setup,
        listener: impl Listener,
        choose: impl FnOnce(MainListener) -> MainListener,
    ) -> (Self, Task) {
        let generation = Generation::new();
        let (multiplexer, main) = Multiplexer::plugin(generation.clone(), Box::new(listener));
        let main = choose(main);
        let side = alone(Role::Plugin, setup, generation, multiplexer);
        let protection = setup.protection[1].clone();
        let service = service_of(&side.alone.broker);
        let prove = move |io: BoxIo| -> BoxFuture<'static, Option<BoxIo>> {
            let protection = protection.clone();
            Box::pin(async move {
                match protection {
                    // At once, so that a test may open the next main connection at once.
                    Protection::Plaintext => Some(io),
                    protection => protection.admit(io).await.ok(),
                }
            })
        };
        (side, serve_main(main, service, prove))
    }

    pub fn broker(&self) -> &Broker {
        &self.alone.broker
    }
}

/// Serves main connections, each of which proves itself first.
pub fn serve_main(
    mut main: impl Listener,
    service: RpcService,
    prove: impl Fn(BoxIo) -> BoxFuture<'static, Option<BoxIo>> + Send + 'static,
) -> Task {
    Task::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let mut accepted = main.accept().await.unwrap();
            let (proof, service) = (accepted.take_proof(), service.clone());
            let proving = prove(accepted.io);
            connections.spawn(async move {
                if let Some(io) = proving.await {
                    proof.given();
                    http2(io, service).await;
                }
            });
        }
    })
}

/// A host and a plugin, joined.
pub struct MuxPair {
    pub host: MuxSide,
    pub plugin: MuxSide,
    setup: Setup,
    running: Mutex<Option<Task>>,
    _serving: Task,
}

impl MuxPair {
    pub async fn new(setup: Setup) -> Self {
        let (connector, listener) = rpcplugin_transport::memory::pair();
        Self::over(setup, connector, listener).await
    }

    pub async fn over(setup: Setup, connector: impl Connector, listener: impl Listener) -> Self {
        let host = MuxSide::host(&setup);
        let (plugin, serving) = MuxSide::plugin(&setup, listener);
        host.multiplexer.run(dialled(connector).await);
        let running = Mutex::default();
        let pair = Self { host, plugin, setup, running, _serving: serving };
        pair.connect().await;
        pair
    }

    /// Makes a new main connection, with the broker's stream on it.
    pub async fn connect(&self) {
        let channel = self.channel().await;
        let broker = self.host.broker().clone();
        let task = Task::spawn(async move {
            let _ = broker.run(channel).await;
        });
        *self.running.lock().unwrap() = Some(task);
    }

    /// Ends the broker's stream.
    pub fn lose(&self) {
        *self.running.lock().unwrap() = None;
    }

    async fn channel(&self) -> PluginChannel {
        let (options, generation) = (ChannelOptions::new(), Generation::new());
        let connector = self.host.multiplexer.connector();
        match &self.setup.protection[0] {
            Protection::Mutual(mutual) => {
                let connector = tower_layer::Layer::layer(mutual.dial(), connector);
                PluginChannel::connect(connector, options, generation).await.unwrap()
            }
            _ => PluginChannel::connect(connector, options, generation).await.unwrap(),
        }
    }

    pub fn brokers(&self) -> (&Broker, &Broker) {
        (self.host.broker(), self.plugin.broker())
    }
}

/// A raw connection, as its host sees it.
pub async fn dialled(mut connector: impl Connector) -> Accepted {
    let io = connector.call("http://localhost".parse().unwrap()).await.unwrap();
    Accepted::new(io.into_inner(), Peer::default())
}
