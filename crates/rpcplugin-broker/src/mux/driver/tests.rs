use rpcplugin_transport::Peer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
};

use super::*;
use crate::mux::router::Router;

const RST: [u8; 2] = [0, 8];

/// A header without a body.
fn header(kind: u8, flags: u8, id: usize) -> [u8; 12] {
    let id = u32::try_from(id).unwrap().to_be_bytes();
    [0, kind, 0, flags, id[0], id[1], id[2], id[3], 0, 0, 0, 0]
}

#[tokio::test]
async fn streams_beyond_the_bound_are_closed_and_the_session_lives() {
    const SURPLUS: usize = 44;
    let (main, streams) = mpsc::channel(STREAMS);
    let (io, mut peer) = tokio::io::duplex(1024 * 1024);
    let inbound = Inbound::Routed(Router::new(Some(main)), Peer::default());
    let (session, driving) = Session::new(Box::new(io), Mode::Server, inbound);
    let driving = tokio::spawn(driving);

    for stream in 0..STREAMS + SURPLUS {
        peer.write_all(&header(1, 1, 2 * stream + 1)).await.unwrap();
    }
    let mut reset = 0;
    while reset < SURPLUS {
        let mut heard = [0; 12];
        peer.read_exact(&mut heard).await.unwrap();
        assert_ne!(heard[1], 3, "the session is ended");
        reset += usize::from(heard[1] < 2 && heard[2..4] == RST);
    }
    assert_eq!(streams.len(), STREAMS);
    assert!(!session.ended.is_cancelled());

    // A closed stream gives its place back.
    drop(streams);
    while reset < STREAMS + SURPLUS {
        let mut heard = [0; 12];
        peer.read_exact(&mut heard).await.unwrap();
        reset += usize::from(heard[1] < 2 && heard[2..4] == RST);
    }
    driving.abort();
}
