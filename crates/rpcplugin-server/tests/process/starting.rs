use std::{
    ffi::OsStr,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt as _, net::UnixDatagram},
    },
    time::Duration,
};

use rpcplugin_core::{Address, Handshake};
use rpcplugin_proto::probe::probe_client::ProbeClient;

use crate::support::Plugin;

#[test]
fn started_by_hand_it_explains_itself_and_prints_nothing_on_stdout() {
    let end = Plugin::start_bare(&[], |_, _| {}).end();
    end.refused("HANDSHAKE_NOT_LAUNCHED");
    assert!(end.stderr.contains("this program is a plugin"), "{}", end.stderr);
    assert!(!end.stderr.contains("right"), "the cookie's value is never shown");
}

#[test]
fn a_wrong_cookie_is_refused_and_not_shown() {
    let end = Plugin::start_bare(&[], |command, _| {
        command.env("SERVER_TEST_COOKIE", "wrong-and-secret");
    })
    .end();
    end.refused("HANDSHAKE_NOT_LAUNCHED");
    assert!(!end.stderr.contains("secret"));
}

#[test]
fn an_embedding_program_gets_its_stdout_back() {
    let end = Plugin::start_bare(&["embedded"], |_, _| {}).end();
    assert_eq!(end.status.code(), Some(7));
    assert_eq!(end.stdout, ["not a plugin: HANDSHAKE_NOT_LAUNCHED"]);
}

#[test]
fn the_line_names_the_highest_common_version_and_a_private_socket() {
    let plugin = Plugin::start(&[], &[("PLUGIN_PROTOCOL_VERSIONS", &"4,3,9")]);
    let line = plugin.line();
    let [socket] = plugin.sockets().try_into().unwrap();
    assert_eq!(line, format!("1|4|unix|{}|grpc|", socket.display()));
    let mode = std::os::unix::fs::PermissionsExt::mode(&socket.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

/// Where every write is a message.
#[test]
fn the_line_is_one_write() {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _plugin = Plugin::start_bare(&[], |command, dir| {
        command.env("SERVER_TEST_COOKIE", "right").env("PLUGIN_UNIX_SOCKET_DIR", dir);
        command.stdout(OwnedFd::from(theirs));
    });
    let mut first = [0; 4096];
    let length = ours.recv(&mut first).unwrap();
    let line = std::str::from_utf8(&first[..length]).unwrap();
    let line = line.strip_suffix('\n').expect("the newline belongs to it");
    assert_eq!(line.parse::<Handshake>().unwrap().app_version, 3);
}

#[test]
fn a_wish_to_multiplex_is_answered_in_field_7_and_only_then() {
    for (wish, answer) in
        [("true", true), ("T", true), ("1", true), ("false", false), ("perhaps", false)]
    {
        let plugin = Plugin::start(&["tcp"], &[("PLUGIN_MULTIPLEX_GRPC", &wish)]);
        let line = plugin.line();
        assert!(
            line.starts_with("1|3|tcp|127.0.0.1:") && line.ends_with(&format!("|grpc||{answer}")),
            "{line}"
        );
    }
}

#[test]
fn a_garbage_environment_is_skipped_with_a_warning() {
    let garbage: &OsStr = OsStr::from_bytes(b"\xff,,x,999999999999,3");
    let plugin = Plugin::start(
        &[],
        &[
            ("PLUGIN_PROTOCOL_VERSIONS", &garbage),
            ("RPCPLUGIN_TRANSPORTS", &"carrier-pigeon"),
            ("RPCPLUGIN_LIFELINE", &"fd:99"),
            ("PLUGIN_MIN_PORT", &"garbage"),
        ],
    );
    assert_eq!(plugin.handshake().app_version, 3);
    plugin.signal(rustix::process::Signal::TERM);
    let end = plugin.end();
    assert!(end.status.success());
    assert!(end.stderr.contains(r#"skipped \"x\", not a version"#), "{}", end.stderr);
}

#[test]
fn without_a_common_version_the_lowest_is_announced_with_a_warning() {
    let plugin = Plugin::start(&[], &[("PLUGIN_PROTOCOL_VERSIONS", &"7,8")]);
    assert_eq!(plugin.handshake().app_version, 3);
    plugin.signal(rustix::process::Signal::TERM);
    assert!(plugin.end().stderr.contains("no protocol version in common"));
}

#[test]
fn impossible_settings_and_variables_end_the_start() {
    let ports: [(&str, &dyn AsRef<OsStr>); 2] =
        [("PLUGIN_MIN_PORT", &"20000"), ("PLUGIN_MAX_PORT", &"10000")];
    Plugin::start(&["tcp"], &ports).end().refused("CONFIG_PORT_RANGE");
    Plugin::start(&["tcp"], &[("PLUGIN_MAX_PORT", &"70000")]).end().refused("CONFIG_PORT_RANGE");
    for dir in ["/no/such/directory", "relative", "/dev/null"] {
        Plugin::start(&[], &[("PLUGIN_UNIX_SOCKET_DIR", &dir)]).end().refused("CONFIG_SOCKET_DIR");
    }
    let group: &str = "no-such-group-at-all";
    Plugin::start(&[], &[("PLUGIN_UNIX_SOCKET_GROUP", &group)])
        .end()
        .refused("CONFIG_SOCKET_GROUP");
    Plugin::start(&["twice"], &[]).end().refused("CONFIG_PROTOCOL_VERSIONS");
    Plugin::start(&["require-tls"], &[]).end().refused("SECURITY_TLS_REQUIRED");
    Plugin::start(&["everywhere"], &[]).end().refused("SECURITY_TLS_REQUIRED");
}

#[test]
fn an_address_that_no_host_could_read_is_not_printed() {
    let end = Plugin::start(&["unprintable"], &[]).end();
    end.refused("TRANSPORT_INVALID_ENDPOINT");
    assert!(end.stderr.contains(r"/a\\nb"), "{}", end.stderr);
}

#[cfg(feature = "tls")]
#[test]
fn listening_everywhere_needs_an_address_to_announce() {
    let host = rpcplugin_tls::Identity::generate(&rpcplugin_tls::IdentityParams::default());
    let pem = host.unwrap().certificate().to_pem();
    let variables: [(&str, &dyn AsRef<OsStr>); 1] = [("PLUGIN_CLIENT_CERT", &pem)];
    Plugin::start(&["everywhere"], &variables).end().refused("TRANSPORT_INVALID_ENDPOINT");
    let plugin = Plugin::start(&["everywhere", "announced"], &variables);
    let Address::Tcp(address) = plugin.handshake().address else { panic!("it is TCP") };
    assert!(address.ip().is_loopback());
    std::net::TcpStream::connect(address).unwrap();
}

#[cfg(feature = "tls")]
#[test]
fn of_several_faults_the_first_step_of_the_start_is_named() {
    let garbage: &dyn AsRef<OsStr> = &"garbage";
    let missing: &dyn AsRef<OsStr> = &"/no/such/directory";
    let faults = [("PLUGIN_CLIENT_CERT", garbage), ("PLUGIN_UNIX_SOCKET_DIR", missing)];
    let wrong: &dyn AsRef<OsStr> = &"wrong";
    let cookie = ("SERVER_TEST_COOKIE", wrong);
    Plugin::start(&["twice"], &[faults[0], faults[1], cookie])
        .end()
        .refused("HANDSHAKE_NOT_LAUNCHED");
    Plugin::start(&["twice"], &faults).end().refused("CONFIG_PROTOCOL_VERSIONS");
    Plugin::start(&[], &faults).end().refused("SECURITY_CLIENT_CERT_INVALID");
    Plugin::start(&[], &faults[1..]).end().refused("CONFIG_SOCKET_DIR");
}

#[test]
fn an_empty_host_certificate_means_plaintext() {
    let plugin = Plugin::start(&[], &[("PLUGIN_CLIENT_CERT", &"")]);
    assert!(!plugin.handshake().certificate.is_announced());
}

#[cfg(feature = "tls")]
#[test]
fn a_host_certificate_means_tls_or_no_start() {
    use rpcplugin_tls::{Certificate, Identity, IdentityParams};

    let not_text: &OsStr = OsStr::from_bytes(b"\xff\xfe");
    for garbage in [OsStr::new("garbage"), not_text] {
        let end = Plugin::start(&[], &[("PLUGIN_CLIENT_CERT", &garbage)]).end();
        end.refused("SECURITY_CLIENT_CERT_INVALID");
    }
    let host = Identity::generate(&IdentityParams::default()).unwrap();
    let pem = host.certificate().to_pem();
    let plugin = Plugin::start(&["require-tls"], &[("PLUGIN_CLIENT_CERT", &pem)]);
    let der = plugin.handshake().certificate.der().unwrap();
    assert!(Certificate::from_der(&der).is_ok());
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_host_that_asks_for_tls_is_refused_by_a_build_without_it() {
    let end = Plugin::start(&[], &[("PLUGIN_CLIENT_CERT", &"any certificate")]).end();
    end.refused("SECURITY_TLS_NOT_BUILT");
}

#[test]
fn a_port_within_the_hosts_range_is_taken() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = free.to_string();
    let plugin = Plugin::start(&["tcp"], &[("PLUGIN_MIN_PORT", &port), ("PLUGIN_MAX_PORT", &port)]);
    assert_eq!(plugin.handshake().address, Address::Tcp(([127, 0, 0, 1], free).into()));
}

#[tokio::test]
async fn launch_variables_and_cookie_are_gone_from_the_environment() {
    let plugin = Plugin::start(
        &[],
        &[("PLUGIN_PROTOCOL_VERSIONS", &"3"), ("PLUGIN_OTHER", &"kept"), ("KEPT", &"too")],
    );
    let mut client = ProbeClient::new(plugin.channel().await);
    let names = client.environment(()).await.unwrap().into_inner();
    for gone in ["PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "SERVER_TEST_COOKIE"] {
        assert!(!names.contains(gone), "{names}");
    }
    for kept in ["PLUGIN_OTHER", "\"KEPT\"", "TMPDIR"] {
        assert!(names.contains(kept), "{names}");
    }
}

#[test]
fn a_host_that_is_gone_before_the_line_ends_the_start() {
    // Nobody reads the line: stdout's other end is closed.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let plugin = Plugin::start_bare(&[], |command, dir| {
        command.env("SERVER_TEST_COOKIE", "right").env("PLUGIN_UNIX_SOCKET_DIR", dir);
        command.stdout(writer);
    });
    plugin.end_within(Duration::from_secs(20)).refused("TRANSPORT_STDOUT_CLOSED");
}
