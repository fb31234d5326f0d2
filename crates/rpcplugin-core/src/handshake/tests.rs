use proptest::prelude::*;

use super::*;

#[track_caller]
fn refused(line: &str, code: &str, message: &str) {
    let host = [1, 2].into_iter().collect();
    let error = Handshake::read(line.as_bytes(), &host).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (code, message));
}

#[test]
fn refuses_lines_that_are_not_handshakes() {
    let not = "HANDSHAKE_NOT_A_HANDSHAKE";
    refused("hello", not, r#"not a handshake line: "hello""#);
    refused("", not, r#"not a handshake line: """#);
    refused("1", not, r#"not a handshake line: "1""#);
    refused("\u{1b}[2Jhi\n", not, r#"not a handshake line: "\x1b[2Jhi""#);
    refused(
        "1|1|unix",
        "HANDSHAKE_FIELD_COUNT",
        r#"handshake line has 3 fields, at least 4 are needed: "1|1|unix""#,
    );
}

#[test]
fn refuses_every_core_version_but_one() {
    for core in ["0", "2", "-1", "+1", "01", "11111111111111111111", "١", ""] {
        let line = format!("{core}|1|unix|/s|grpc|");
        let host = [1].into_iter().collect();
        let error = Handshake::read(line.as_bytes(), &host).unwrap_err();
        assert_eq!(error.code(), "HANDSHAKE_CORE_VERSION", "{line}");
    }
    refused(
        "2|1|unix|/s|grpc|",
        "HANDSHAKE_CORE_VERSION",
        r#"plugin speaks core protocol "2", this host speaks 1"#,
    );
}

#[test]
fn refuses_versions_the_host_did_not_offer() {
    for version in ["99", "-1", "+1", " 1", "", "x", "2147483648", "99999999999"] {
        let line = format!("1|{version}|unix|/s|grpc|");
        let host = [1, 2].into_iter().collect();
        let error = Handshake::read(line.as_bytes(), &host).unwrap_err();
        assert_eq!(error.code(), "HANDSHAKE_VERSION_MISMATCH", "{line}");
    }
    refused(
        "1|99|unix|/s|grpc|",
        "HANDSHAKE_VERSION_MISMATCH",
        r#"plugin speaks protocol version "99", this host knows [1, 2]"#,
    );
}

#[test]
fn checks_come_in_the_order_of_go_plugin() {
    refused(
        "2|9|udp||netrpc",
        "HANDSHAKE_CORE_VERSION",
        r#"plugin speaks core protocol "2", this host speaks 1"#,
    );
    refused(
        "1|9|udp||netrpc",
        "HANDSHAKE_VERSION_MISMATCH",
        r#"plugin speaks protocol version "9", this host knows [1, 2]"#,
    );
    refused(
        "1|1|udp||netrpc",
        "HANDSHAKE_ADDRESS",
        r#"plugin announced an unusable address, udp "": the network is neither unix nor tcp"#,
    );
}

#[test]
fn refuses_addresses_without_a_valid_form() {
    for (network, address) in [
        ("unix", ""),
        ("unix", "s"),
        ("unix", "[::1]:1"),
        ("unix", "/a\0b"),
        ("UNIX", "/s"),
        ("udp", "/s"),
        ("tcp", "example.com:80"),
        ("tcp", "127.0.0.1:0"),
        ("tcp", "127.0.0.1:70000"),
        ("tcp", "127.0.0.1"),
    ] {
        let line = format!("1|1|{network}|{address}|grpc|");
        let error = line.parse::<Handshake>().unwrap_err();
        assert_eq!(error.code(), "HANDSHAKE_ADDRESS", "{line:?}");
    }
    let long = format!("1|1|unix|/{}|grpc|", "x".repeat(200));
    assert_eq!(long.parse::<Handshake>().unwrap_err().code(), "HANDSHAKE_ADDRESS");
}

#[test]
fn refuses_everything_but_grpc() {
    for line in ["1|1|unix|/s", "1|1|unix|/s|netrpc", "1|1|unix|/s|", "1|1|unix|/s|GRPC|"] {
        let error = line.parse::<Handshake>().unwrap_err();
        assert_eq!(error.code(), "HANDSHAKE_PROTOCOL_UNSUPPORTED", "{line}");
    }
}

#[test]
fn bounds_the_line_and_wants_text() {
    let host = [1].into_iter().collect();
    let long = vec![b'x'; limits::HANDSHAKE_LINE + 1];
    assert_eq!(Handshake::read(&long, &host).unwrap_err().code(), "HANDSHAKE_LINE_TOO_LONG");
    assert_eq!(Handshake::read(b"\xff|1\n", &host).unwrap_err().code(), "HANDSHAKE_LINE_NOT_UTF8");
}

#[test]
fn accepts_every_form_that_peers_print() {
    let five: Handshake = "1|1|tcp|localhost:1234|grpc".parse().unwrap();
    assert_eq!(five.address, Address::Tcp("127.0.0.1:1234".parse().unwrap()));
    let seven: Handshake = "1|1|tcp|[::1]:1234|grpc||t|x|y\r\n".parse().unwrap();
    assert_eq!(seven.multiplexing, Some(true));
    assert_eq!("1|1|unix|/s|grpc||maybe".parse::<Handshake>().unwrap().multiplexing, None);
    assert_eq!("1|1|unix|/s|grpc||0".parse::<Handshake>().unwrap().multiplexing, Some(false));
}

#[test]
fn reads_padded_and_unpadded_certificates() {
    for (der, tail) in [(vec![7; 64], "=="), (vec![7; 65], "="), (vec![7; 66], "")] {
        let field = CertificateField::from_der(&der);
        assert!(!field.as_str().contains('='));
        let padded = format!("1|1|unix|/s|grpc|{field}{tail}").parse::<Handshake>().unwrap();
        assert_eq!(padded.certificate.der().unwrap(), der);
    }
    let bad = format!("1|1|unix|/s|grpc|{}", "-".repeat(51)).parse::<Handshake>().unwrap();
    assert_eq!(bad.certificate.der().unwrap_err().code(), "SECURITY_CERT_INVALID");
    let short = format!("1|1|unix|/s|grpc|{}", "A".repeat(50)).parse::<Handshake>().unwrap();
    assert_eq!(short.certificate.der().unwrap_err().code(), "SECURITY_CERT_MISSING");
}

fn addresses() -> impl Strategy<Value = Address> {
    prop_oneof![
        "/[^|\\p{C}\\p{Z}]{1,30}".prop_map(|path| Address::Unix(path.into())),
        (any::<[u8; 4]>(), 1..u16::MAX).prop_map(|(ip, port)| Address::Tcp((ip, port).into())),
        (any::<[u16; 8]>(), 1..u16::MAX).prop_map(|(ip, port)| Address::Tcp((ip, port).into())),
    ]
}

prop_compose! {
    fn handshakes()(
        app_version in 0..=VersionSet::MAX,
        address in addresses(),
        certificate in prop_oneof![Just(vec![]), prop::collection::vec(any::<u8>(), 40..600)],
        multiplexing in any::<Option<bool>>(),
    ) -> Handshake {
        let certificate = match certificate.as_slice() {
            [] => CertificateField::default(),
            der => CertificateField::from_der(der),
        };
        Handshake { app_version, address, certificate, multiplexing }
    }
}

proptest! {
    #[test]
    fn every_handshake_prints_and_parses_back(handshake in handshakes()) {
        prop_assert_eq!(handshake.to_string().parse::<Handshake>().unwrap(), handshake);
    }

    #[test]
    fn no_bytes_panic_the_parser(line in prop::collection::vec(any::<u8>(), 0..300)) {
        let host = [1].into_iter().collect();
        let _ = Handshake::read(&line, &host);
    }

    #[test]
    fn no_fields_panic_the_parser(fields in prop::collection::vec("[01]|unix|tcp|grpc|\\PC{0,60}", 0..10)) {
        if let Ok(handshake) = fields.join("|").parse::<Handshake>() {
            let _ = handshake.certificate.der();
        }
    }
}

#[test]
fn a_line_that_no_host_could_read_is_not_made() {
    let unix = |path: &str| Address::Unix(path.into());
    #[cfg(unix)]
    let not_utf8: std::path::PathBuf =
        <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"/tmp/\xff".into())
            .into();
    for address in [
        unix("/tmp/a|b"),
        unix("/tmp/a\nb"),
        unix("/tmp/a\rb"),
        unix("tmp/relative"),
        unix(""),
        unix(&format!("/{}", "x".repeat(107))),
        Address::Tcp(([127, 0, 0, 1], 0).into()),
        Address::Tcp(([0, 0, 0, 0], 80).into()),
        Address::Tcp(([0_u16; 8], 80).into()),
        #[cfg(unix)]
        Address::Unix(not_utf8),
    ] {
        let error = Handshake::new(1, address.clone()).to_line().unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_INVALID_ENDPOINT", "{address:?}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    for address in [unix("/tmp/a b"), Address::Tcp("[fe80::1]:80".parse().unwrap())] {
        let handshake = Handshake::new(1, address);
        assert_eq!(handshake.to_line().unwrap().parse::<Handshake>().unwrap(), handshake);
    }
}
