use std::io;

use rpcplugin_core::Phase;
use tonic::metadata::MetadataMap;

use super::*;

#[track_caller]
fn check(status: &Status, code: &str, message: &str) {
    let error = error_from_status(status);
    assert_eq!((error.code(), error.to_string().as_str()), (code, message));
}

#[test]
fn statuses_of_the_plugin_are_sorted_by_their_code() {
    check(&Status::unavailable("busy"), "TRANSPORT_DISCONNECTED", "connection lost: busy");
    check(
        &Status::deadline_exceeded(""),
        "TRANSPORT_DEADLINE",
        "no answer in time: the plugin's own deadline",
    );
    check(&Status::resource_exhausted("big"), "PROTOCOL_LIMIT", "over a limit: big");
    check(
        &Status::permission_denied("\u{1b}[2J"),
        "PROTOCOL_STATUS",
        r"call ended with status PERMISSION_DENIED (7): \x1b[2J",
    );
    check(
        &Status::out_of_range("page 7"),
        "PROTOCOL_STATUS",
        "call ended with status OUT_OF_RANGE (11): page 7",
    );
}

#[test]
fn a_hint_when_to_try_again_marks_a_rate_limit() {
    let mut metadata = MetadataMap::new();
    metadata.insert("retry-after-ms", "20".parse().unwrap());
    let refused = Status::with_metadata(Code::ResourceExhausted, "slow down", metadata);
    check(&refused, "PROTOCOL_RATE_LIMITED", "too many calls: slow down");

    let details =
        b"\x08\x08\x1a\x2e\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x02".as_slice();
    let refused = Status::with_details(Code::ResourceExhausted, "slow down", details.into());
    check(&refused, "PROTOCOL_RATE_LIMITED", "too many calls: slow down");
}

#[test]
fn the_size_limit_of_generated_clients_is_a_limit() {
    let text = "Error, decoded message length too large: found 9 bytes, the limit is: 4 bytes";
    check(&Status::out_of_range(text), "PROTOCOL_LIMIT", &format!("over a limit: {text}"));
}

#[test]
fn our_own_errors_come_back_from_their_status() {
    check(
        &transport_status(TransportError::ShutDown),
        "TRANSPORT_SHUT_DOWN",
        "plugin was shut down, or its last Client was dropped",
    );
    let refused: Error = SecurityError::CertMissing.into();
    assert_eq!(error_from_status(&dial_status(Arc::new(refused))).code(), "SECURITY_CERT_MISSING");
    let lost = TransportError::Disconnected {
        detail: "reading failed".into(),
        source: Some(io::Error::from(io::ErrorKind::ConnectionReset).into()),
    };
    let error = error_from_status(&transport_status(lost));
    assert_eq!(error.source().unwrap().to_string(), "connection reset");
}

#[test]
fn an_error_comes_back_whole_whatever_its_variant() {
    let unclaimed = TransportError::BrokerTimeout { id: 7, limit: std::time::Duration::ZERO };
    assert_eq!(error_from_status(&transport_status(unclaimed)).code(), "TRANSPORT_BROKER_TIMEOUT");

    let wrapped = io::Error::new(io::ErrorKind::InvalidData, SecurityError::CertMissing);
    let lost = TransportError::Disconnected {
        detail: "reading failed".into(),
        source: Some(wrapped.into()),
    };
    let error = error_from_status(&transport_status(lost));
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert!(cause.get_ref().unwrap().is::<SecurityError>());
}

#[test]
fn the_report_of_a_crash_is_found() {
    let mut report = CrashReport::new(Phase::Running);
    report.pid = Some(42);
    let gone = TransportError::PluginGone { report: Some(Box::new(report)) };
    let status = transport_status(gone);
    assert_eq!(crash_report(&status).unwrap().pid, Some(42));
    let error = error_from_status(&status);
    assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE");
    assert_eq!(error.report().unwrap().pid, Some(42));
}
