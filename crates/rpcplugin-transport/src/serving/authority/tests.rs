use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 1];
    frame.extend(payload);
    frame
}

fn literal(first: u8, value: &str) -> Vec<u8> {
    let mut field = vec![first, value.len() as u8];
    field.extend(value.as_bytes());
    field
}

/// The bytes after the adapter, whatever pieces they come in.
#[track_caller]
fn check(sent: &[u8], expected: &[u8]) {
    for piece in [1, 2, 3, 7, sent.len()] {
        assert_eq!(mended(sent, piece), expected, "in pieces of {piece}");
    }
}

#[test]
fn the_authority_becomes_legal_and_nothing_else_changes() {
    // :method POST, :path literal with a percent sign, then :authority, then one by its index.
    let block = |authority: &str| {
        [vec![0x83], literal(0x44, "/a%2Fb"), literal(0x41, authority), vec![0xbe]].concat()
    };
    let settings = frame(4, 0, b"\0\x03\0\0\0%");
    let data = frame(0, 1, b"\x41\x05a%2Fb");
    let sent = [settings.clone(), frame(1, 4, &block("tmp%2Fx%2Ey")), data.clone()].concat();
    check(&sent, &[settings, frame(1, 4, &block("tmp.2Fx.2Ey")), data].concat());
}

#[test]
fn every_way_to_write_the_field_is_known() {
    for first in [0x41, 0x01, 0x11] {
        check(&frame(1, 4, &literal(first, "a%b")), &frame(1, 4, &literal(first, "a.b")));
    }
    let named = |value: &str| [b"\x40\x0a:authority".to_vec(), literal(0, value)[1..].to_vec()];
    check(&frame(1, 4, &named("a%b").concat()), &frame(1, 4, &named("a.b").concat()));
    // Longer than fits the first byte of a length.
    let long = |c: &str| [vec![0x41, 0x7f, 3], c.repeat(130).into_bytes()].concat();
    check(&frame(1, 4, &long("%")), &frame(1, 4, &long(".")));
}

#[test]
fn padding_priority_and_continuations_are_passed() {
    let field = literal(0x41, "a%b");
    let mended = literal(0x41, "a.b");
    let padded = |field: &[u8]| [&[2, 1, 2, 3, 4, b'%'][..], field, b"%%"].concat();
    check(&frame(1, 0x2c, &padded(&field)), &frame(1, 0x2c, &padded(&mended)));
    let split = |field: &[u8]| [frame(1, 0, &field[..3]), frame(9, 4, &field[3..])].concat();
    check(&split(&field), &split(&mended));
}

#[test]
fn other_fields_huffman_codes_and_nonsense_stay_as_they_are() {
    for payload in [
        literal(0x44, "a%b"),
        b"\x40\x0a:authoritx\x03a%b".to_vec(),
        b"\x41\x83%%%".to_vec(),
        b"\x41\x7f\xff\xff\xff\xff\xff%%%".to_vec(),
        b"\x41\x05%".to_vec(),
    ] {
        let sent = frame(1, 4, &payload);
        let cut = payload.ends_with(b"\x05%");
        check(&sent, &if cut { frame(1, 4, b"\x41\x05.") } else { sent.clone() });
    }
    // More padding than payload.
    let sent = [frame(1, 0x0c, b"\xff%"), frame(1, 0x0c, b"")].concat();
    check(&sent, &sent);
}

#[test]
fn a_peer_that_needs_no_help_gets_none_from_its_first_call_on() {
    let call = |first: u8, authority: &str| frame(1, 4, &literal(first, authority));
    // One that sends the field so, and then otherwise, shows that nobody looks any more.
    for legal in [call(0x41, "localhost"), frame(1, 4, b"\x41\x81\xff"), call(0x41, "")] {
        let sent = [legal, frame(0, 1, b"data"), call(0x41, "a%b")].concat();
        check(&sent, &sent);
    }
    // What has no such field, or makes no sense, says nothing of the peer.
    for unclear in [call(0x44, "/path"), frame(1, 4, b"\x41\x09a"), frame(1, 0, b"")] {
        let sent = [unclear.clone(), call(0x41, "a%b"), call(0x41, "a%b")].concat();
        check(&sent, &[unclear, call(0x41, "a.b"), call(0x41, "a.b")].concat());
    }
}

#[tokio::test]
async fn a_connection_reads_mended_bytes() {
    let (mut peer, ours) = tokio::io::duplex(64);
    peer.write_all(&frame(1, 4, &literal(0x41, "tmp%2Fx"))).await.unwrap();
    drop(peer);
    let mut read = Vec::new();
    LegalAuthority::new(ours).read_to_end(&mut read).await.unwrap();
    assert_eq!(read, frame(1, 4, &literal(0x41, "tmp.2Fx")));
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic_it(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let passed = mended(&bytes, 13);
        for (before, after) in bytes.iter().zip(&passed) {
            assert!(before == after || (*before, *after) == (b'%', b'.'));
        }
    }
}
