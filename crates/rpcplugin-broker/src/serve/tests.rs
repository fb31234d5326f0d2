use std::path::PathBuf;

use rpcplugin_core::{Address, Noise, SecurityError};
use rpcplugin_transport::{ExpectedPeer, UnixBind, UnixListener, serving::Calls};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::*;
use crate::{
    BrokerOptions, Protection, Role, Side,
    ids::Ids,
    session::{Current, Link},
};

struct Directory(PathBuf);

impl Side for Directory {
    fn role(&self) -> Role {
        Role::Plugin
    }

    fn listen(&self) -> Result<Box<dyn Listener>, Error> {
        Ok(Box::new(UnixListener::bind(&UnixBind::new().dir(&self.0))?))
    }

    fn check(&self, _: &Address) -> Result<ExpectedPeer, SecurityError> {
        Ok(ExpectedPeer::new())
    }

    fn protection(&self) -> Protection {
        Protection::Plaintext
    }

    fn reception(&self) -> Reception {
        Reception::new(Calls::new(Arc::default()))
    }
}

/// A side that can serve, with a directory for its sockets.
fn side() -> (Arc<Shared>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let shared = Shared {
        side: Arc::new(Directory(directory.path().to_owned())),
        options: BrokerOptions::new().timeout(Duration::from_secs(1)),
        generation: Generation::new(),
        ids: Ids::default(),
        current: watch::Sender::new(Current::None),
        noise: Noise::default(),
        multiplexer: None,
        tasks: TaskTracker::new(),
    };
    (Arc::new(shared), directory)
}

fn sockets(directory: &tempfile::TempDir) -> usize {
    std::fs::read_dir(directory.path()).unwrap().count()
}

#[tokio::test(start_paused = true)]
async fn f10_a_failed_announcement_leaves_no_listener() {
    let (shared, directory) = side();
    let (_link, receiver) = Link::open(&shared.current, 8);
    drop(receiver);
    let served = serve(&shared, shared.ids.next(), Services::new()).await;
    assert_eq!(served.unwrap_err().code(), "TRANSPORT_DISCONNECTED");
    assert_eq!((sockets(&directory), shared.ids.live()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn f10_an_announcement_that_nobody_takes_costs_the_timeout_and_leaves_no_listener() {
    let (shared, directory) = side();
    let (_link, mut receiver) = Link::open(&shared.current, 8);
    let mut kept = Vec::new();
    let error = loop {
        match serve(&shared, shared.ids.next(), Services::new()).await {
            Ok(served) => kept.push(served),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "TRANSPORT_DEADLINE");
    assert_eq!((sockets(&directory), shared.ids.live()), (kept.len(), kept.len()));
    for served in &kept {
        assert_eq!(receiver.recv().await.unwrap().service_id, served.id().get());
    }
}

#[tokio::test]
async fn a_stream_that_ends_before_the_announcement_leaves_no_listener() {
    let (shared, directory) = side();
    let (link, _receiver) = Link::open(&shared.current, 8);
    let mut kept = Vec::new();
    for _ in 0..16 {
        kept.push(serve(&shared, shared.ids.next(), Services::new()).await.unwrap());
    }
    let mut waiting = Box::pin(serve(&shared, shared.ids.next(), Services::new()));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    assert_eq!(sockets(&directory), 17, "it listens before it is announced");
    drop(link);
    assert_eq!(waiting.await.unwrap_err().code(), "TRANSPORT_DISCONNECTED");
    assert_eq!(sockets(&directory), 16);
}

#[tokio::test]
async fn a_number_that_is_kept_after_the_stream_ended_is_closed() {
    let (shared, directory) = side();
    let (link, _receiver) = Link::open(&shared.current, 8);
    let served = serve(&shared, shared.ids.next(), Services::new()).await.unwrap();
    drop(link);
    tokio::task::yield_now().await;
    assert_eq!(sockets(&directory), 1, "its owner holds it");
    let _ = served.keep();
    while sockets(&directory) > 0 {
        tokio::task::yield_now().await;
    }
}
