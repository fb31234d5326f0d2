use std::path::Path;

use super::*;

fn accept_with(line: &str, tls: Tls, transports: &[Network]) -> Result<Accepted, Error> {
    let versions: VersionSet = [1, 3].into_iter().collect();
    let addresses = AddressPolicy::new(Some(Path::new("/run/p")), &[]);
    let policy = Policy {
        versions: &versions,
        transports,
        addresses: &addresses,
        tls: &tls,
        multiplex: false,
    };
    accept(line.as_bytes(), &policy, Ok)
}

fn plaintext(line: &str) -> Result<Accepted, Error> {
    accept_with(line, Tls::Plaintext, Network::preferred())
}

#[track_caller]
fn refused(line: &str, code: &str) {
    assert_eq!(plaintext(line).unwrap_err().code(), code, "{line:?}");
}

#[test]
fn an_ordinary_line_is_accepted() {
    for line in [
        "1|3|unix|/run/p/s|grpc|",
        "1|3|unix|/run/p/s|grpc",
        "1|3|unix|/run/p/s|grpc||false|more|and more",
        "1|3|unix|/run/p/s|grpc|\r\n",
        "1|3|unix|/run/p/s|grpc|filler of old plugins",
    ] {
        let accepted = plaintext(line).unwrap();
        assert_eq!(accepted.version, 3);
        assert_eq!(accepted.address, Address::Unix("/run/p/s".into()));
        assert!(matches!(accepted.peer, Announced::Nothing));
    }
    assert!(plaintext("1|1|tcp|127.0.0.1:1234|grpc|").is_ok());
    assert!(plaintext("1|1|tcp|localhost:1234|grpc|").is_ok());
}

#[test]
fn each_failure_has_its_code() {
    refused(&"1".repeat(20_000), "HANDSHAKE_LINE_TOO_LONG");
    refused("Welcome!", "HANDSHAKE_NOT_A_HANDSHAKE");
    refused("", "HANDSHAKE_NOT_A_HANDSHAKE");
    refused("hello|1|unix", "HANDSHAKE_NOT_A_HANDSHAKE");
    refused("1|1|unix", "HANDSHAKE_FIELD_COUNT");
    for core in ["0", "2", "-1", "+1", " 2", "99999999999999999999", "١"] {
        refused(&format!("{core}|1|unix|/run/p/s|grpc|"), "HANDSHAKE_CORE_VERSION");
    }
    for app in ["2", "99", "", "x", "+1", "4294967297"] {
        refused(&format!("1|{app}|unix|/run/p/s|grpc|"), "HANDSHAKE_VERSION_MISMATCH");
    }
    for (network, address) in [
        ("UNIX", "/run/p/s"),
        ("udp", "127.0.0.1:1"),
        ("", "/run/p/s"),
        ("unix", ""),
        ("unix", "relative"),
        ("unix", "/run/p/\0"),
        ("unix", "[::1]:1"),
        ("tcp", "example.org:80"),
        ("tcp", "127.0.0.1:0"),
        ("tcp", "127.0.0.1:70000"),
    ] {
        refused(&format!("1|1|{network}|{address}|grpc|"), "HANDSHAKE_ADDRESS");
    }
    for line in ["1|1|unix|/run/p/s", "1|1|unix|/run/p/s|", "1|1|unix|/run/p/s|netrpc|"] {
        refused(line, "HANDSHAKE_PROTOCOL_UNSUPPORTED");
    }
    refused("1|1|unix|/run/q/s|grpc|", "SECURITY_ADDRESS_FORBIDDEN");
    refused("1|1|unix|@abstract|grpc|", "HANDSHAKE_ADDRESS");
    refused("1|1|tcp|0.0.0.0:80|grpc|", "SECURITY_ADDRESS_FORBIDDEN");
    refused(&format!("1|1|unix|/run/p/s|grpc|{}", "A".repeat(51)), "SECURITY_CERT_UNEXPECTED");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let versions: VersionSet = [1].into_iter().collect();
    let addresses = AddressPolicy::default();
    let policy = Policy {
        versions: &versions,
        transports: &[Network::Tcp],
        addresses: &addresses,
        tls: &Tls::Plaintext,
        multiplex: false,
    };
    let error = accept(b"\xff\x1b[2J\n", &policy, Ok).unwrap_err();
    assert_eq!(error.code(), "HANDSHAKE_LINE_NOT_UTF8");
    assert_eq!(error.to_string(), r#"handshake line is not UTF-8: "\xff\x1b[2J""#);
}

#[test]
fn a_host_that_multiplexes_needs_a_plugin_that_does() {
    let versions: VersionSet = [1].into_iter().collect();
    let addresses = AddressPolicy::new(Some(Path::new("/run/p")), &[]);
    let policy = Policy {
        versions: &versions,
        transports: Network::preferred(),
        addresses: &addresses,
        tls: &Tls::Plaintext,
        multiplex: true,
    };
    let accept = |field: &str| {
        let line = format!("1|1|unix|/run/p/s|grpc|{field}");
        accept(line.as_bytes(), &policy, Ok).map(drop).map_err(|error| error.code())
    };
    for field in ["|true", "|1|more", "|TRUE "] {
        assert_eq!(accept(field), Ok(()), "{field}");
    }
    for field in ["", "|", "|false", "|perhaps"] {
        assert_eq!(accept(field), Err("HANDSHAKE_MUX_UNSUPPORTED"), "{field}");
    }
    let certificate = "A".repeat(51);
    assert_eq!(accept(&certificate), Err("SECURITY_CERT_UNEXPECTED"), "it is looked at before");
}

#[test]
fn a_network_that_is_not_allowed_is_named_before_its_address() {
    for line in ["1|1|tcp|127.0.0.1:80|grpc|", "1|1|tcp|nowhere|grpc|", "1|1|tcp|127.0.0.1:80"] {
        let error = accept_with(line, Tls::Plaintext, &[Network::Unix]).unwrap_err();
        assert_eq!(error.code(), "HANDSHAKE_TRANSPORT_MISMATCH", "{line}");
        assert_eq!(error.to_string(), "plugin listens on tcp, this host allows unix");
    }
    // The version is checked before the network.
    let error = accept_with("1|9|tcp|127.0.0.1:80|grpc|", Tls::Plaintext, &[Network::Unix]);
    assert_eq!(error.unwrap_err().code(), "HANDSHAKE_VERSION_MISMATCH");
}

#[cfg(feature = "tls")]
mod with_tls {
    use super::*;
    use rpcplugin_core::CertificateField;
    use rpcplugin_tls::{Identity, IdentityParams};

    fn mutual(field: &str) -> Result<Accepted, Error> {
        let line = format!("1|1|unix|/run/p/s|grpc|{field}");
        accept_with(&line, Tls::Auto, Network::preferred())
    }

    #[track_caller]
    fn refused(field: &str, code: &str) {
        assert_eq!(mutual(field).unwrap_err().code(), code, "{field:?}");
    }

    fn field() -> (Vec<u8>, String) {
        let identity = Identity::generate(&IdentityParams::default()).unwrap();
        let der = identity.certificate().der().to_vec();
        let text = CertificateField::from_der(&der).to_string();
        (der, text)
    }

    #[test]
    fn the_announced_certificate_becomes_the_pin() {
        let (der, text) = field();
        let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
        for field in [text, padded] {
            let Announced::Certificate(certificate) = mutual(&field).unwrap().peer else {
                panic!("no certificate")
            };
            assert_eq!(certificate.der(), der);
        }
    }

    #[test]
    fn a_missing_certificate_is_never_plaintext() {
        for field in ["", "short", &"A".repeat(50)] {
            refused(field, "SECURITY_CERT_MISSING");
        }
        let error = accept_with("1|1|unix|/run/p/s|grpc", Tls::Auto, Network::preferred());
        assert_eq!(error.unwrap_err().code(), "SECURITY_CERT_MISSING");
    }

    #[test]
    fn what_is_not_one_certificate_is_refused() {
        let (der, text) = field();
        let twice = CertificateField::from_der(&[der.clone(), der.clone()].concat());
        let cut = CertificateField::from_der(&der[..der.len() - 1]);
        for field in [
            "!".repeat(60),
            "A".repeat(51),
            "A".repeat(52),
            text.replace(['+', '/'], "_") + "_",
            twice.to_string(),
            cut.to_string(),
        ] {
            refused(&field, "SECURITY_CERT_INVALID");
        }
    }

    #[test]
    fn the_address_is_judged_before_the_certificate() {
        let error = accept_with("1|1|unix|/elsewhere|grpc|", Tls::Auto, Network::preferred());
        assert_eq!(error.unwrap_err().code(), "SECURITY_ADDRESS_FORBIDDEN");
    }
}

#[test]
fn the_policy_is_for_the_address_as_this_host_reaches_it() {
    let versions = VersionSet::new([1]).unwrap();
    let addresses = AddressPolicy::new(Some("/run/private".as_ref()), &[]);
    let transports = &[Network::Unix];
    let policy = Policy {
        versions: &versions,
        transports,
        addresses: &addresses,
        tls: &Tls::Plaintext,
        multiplex: false,
    };
    let line = b"1|1|unix|/plugin/s|grpc|";
    let reach = |to: &'static str| accept(line, &policy, |_| Ok(Address::Unix(to.into())));
    assert_eq!(reach("/run/private/s").unwrap().address, Address::Unix("/run/private/s".into()));
    assert_eq!(reach("/plugin/s").unwrap_err().code(), "SECURITY_ADDRESS_FORBIDDEN");
}
