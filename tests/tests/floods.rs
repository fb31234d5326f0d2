//! HTTP/2 that is abused against our plugin: `docs/faults.md` E12.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::time::Duration;

use rpcplugin::{Client, Tls, core::Address};
use rpcplugin_tests::{
    PeakMemory,
    host::{host, probe, test_plugin},
    leak::leak_free,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame as it stands on the wire.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The header block of a gRPC request to the probe, without Huffman coding.
fn request() -> Vec<u8> {
    let path = b"/rpcplugin.probe.v1.Probe/Sum";
    let mut block = vec![0x83, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend(path);
    // content-type is the 31st of the static table.
    let kind = b"application/grpc";
    block.extend([0x0f, 31 - 15, u8::try_from(kind.len()).unwrap()]);
    block.extend(kind);
    block
}

/// Sends frames to the plugin until it hangs up, or all are sent; reads what it answers.
async fn flood(client: &Client, start: Vec<u8>, mut frames: impl FnMut(u32) -> Vec<u8>) {
    let Address::Unix(socket) = client.address() else { panic!("Unix sockets are the default") };
    let (mut reader, mut writer) = UnixStream::connect(socket).await.unwrap().into_split();
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while reader.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    });
    let writing = async {
        let preface = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[])];
        writer.write_all(&[preface.concat(), start].concat()).await?;
        for number in 0..1000 {
            // A hundred at once, so that the flood is the plugin's work and not the test's.
            let part: Vec<u8> = (0..100).flat_map(|n| frames(number * 100 + n)).collect();
            writer.write_all(&part).await?;
        }
        std::io::Result::Ok(())
    };
    // Being hung up on is the best end.
    let _ = tokio::time::timeout(Duration::from_secs(20), writing).await.unwrap();
    drop(writer);
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
}

/// Asserts that a flood neither fills the plugin nor ends it.
fn endures(start: Vec<u8>, frames: impl FnMut(u32) -> Vec<u8>) {
    leak_free(async |guard| {
        let client = host(guard).tls(Tls::Plaintext).spawn(test_plugin(guard)).await.unwrap();
        let mut probe = probe(&client);
        probe.echo(vec![]).await.unwrap();
        let memory = PeakMemory::of(client.pid());
        flood(&client, start, frames).await;
        assert!(memory.growth() < 32 << 20, "grew by {}", memory.growth());
        // The host's own connection is another one.
        probe.echo(vec![]).await.unwrap();
        client.shutdown().await.unwrap();
    });
}

#[test]
fn one_request_in_such_frames_is_answered() {
    // A control: what is refused below is the flood, and not a frame of it.
    leak_free(async |guard| {
        let client = host(guard).tls(Tls::Plaintext).spawn(test_plugin(guard)).await.unwrap();
        let Address::Unix(socket) = client.address() else {
            panic!("Unix sockets are the default")
        };
        let mut stream = UnixStream::connect(socket).await.unwrap();
        let frames = [
            PREFACE.to_vec(),
            frame(SETTINGS, 0, 0, &[]),
            frame(HEADERS, END_HEADERS, 1, &request()),
            frame(DATA, END_STREAM, 1, &[]),
        ];
        stream.write_all(&frames.concat()).await.unwrap();
        let answer = async {
            loop {
                let mut head = [0; 9];
                stream.read_exact(&mut head).await.unwrap();
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; length as usize];
                stream.read_exact(&mut payload).await.unwrap();
                if head[3] == HEADERS {
                    return payload;
                }
            }
        };
        let block = tokio::time::timeout(Duration::from_secs(5), answer).await.unwrap();
        // The 8th of the static table is ":status: 200".
        assert_eq!(block[0], 0x80 | 8);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn e12_rapid_resets() {
    endures(vec![], |number| {
        let stream = 2 * number + 1;
        let cancel = 8_u32.to_be_bytes();
        let open = frame(HEADERS, END_HEADERS, stream, &request());
        [open, frame(RST_STREAM, 0, stream, &cancel)].concat()
    });
}

#[test]
fn e12_streams_that_are_never_finished() {
    endures(vec![], |number| frame(HEADERS, END_HEADERS, 2 * number + 1, &request()));
}

#[test]
fn e12_headers_that_never_end() {
    let field = [&[0x00, 1, b'x', 100], [b'y'; 100].as_slice()].concat();
    endures(frame(HEADERS, 0, 1, &request()), move |_| frame(CONTINUATION, 0, 1, &field));
}

#[test]
fn e12_pings() {
    endures(vec![], |number| {
        let payload = u64::from(number).to_be_bytes();
        frame(PING, 0, 0, &payload)
    });
}

#[test]
fn e12_settings() {
    endures(vec![], |_| frame(SETTINGS, 0, 0, &[]));
}

#[test]
fn e12_empty_data() {
    endures(frame(HEADERS, END_HEADERS, 1, &request()), |_| frame(DATA, 0, 1, &[]));
}

#[test]
fn e12_data_one_byte_at_a_time() {
    // The bytes of a message of 50,000: within the window that the plugin grants.
    let start =
        [frame(HEADERS, END_HEADERS, 1, &request()), frame(DATA, 0, 1, &[0, 0, 0, 0xc3, 0x50])];
    let mut sent = 0;
    endures(start.concat(), move |_| {
        sent += 1;
        if sent <= 50_000 { frame(DATA, 0, 1, &[0]) } else { vec![] }
    });
}
