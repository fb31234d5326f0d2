//! Rows B1 to B18 of the fault catalogue, as far as they need a process.

use std::time::Duration;

use crate::support::{Case, report};

/// The line, printed by a plugin that then waits.
fn prints(line: &str) -> Case {
    Case::script(&format!("printf '{line}'; exec sleep 300"))
}

#[tokio::test]
async fn a_banner_is_quoted() {
    let error =
        prints("Welcome!\\n1|1|unix|/s|grpc|\\n").fails_with("HANDSHAKE_NOT_A_HANDSHAKE").await;
    assert_eq!(error.to_string(), "not a handshake line: \"Welcome!\"");
    assert_eq!(report(&error).stdout[0], "Welcome!");
}

#[tokio::test]
async fn a_lenient_host_reads_on_within_bounds() {
    // The line after the banner is judged: it is the one with the fault.
    prints("Welcome!\\n\\n1|9|unix|/s|grpc|\\n")
        .with(|builder| builder.lenient_banner(true))
        .fails_with("HANDSHAKE_VERSION_MISMATCH")
        .await;
    Case::script("i=0; while [ $i -lt 70 ]; do echo $i; i=$((i+1)); done; exec sleep 300")
        .with(|builder| builder.lenient_banner(true))
        .fails_with("HANDSHAKE_NOT_A_HANDSHAKE")
        .await;
}

#[tokio::test]
async fn each_fault_of_a_line_has_its_code() {
    for (line, code) in [
        ("1|1|unix\\n", "HANDSHAKE_FIELD_COUNT"),
        ("1|1|unix|/s\\n", "HANDSHAKE_PROTOCOL_UNSUPPORTED"),
        ("2|1|unix|/s|grpc|\\n", "HANDSHAKE_CORE_VERSION"),
        ("1|99|unix|/s|grpc|\\n", "HANDSHAKE_VERSION_MISMATCH"),
        ("1|1|udp|/s|grpc|\\n", "HANDSHAKE_ADDRESS"),
        ("1|1|unix|relative|grpc|\\n", "HANDSHAKE_ADDRESS"),
        ("1|1|unix|/elsewhere|grpc|\\n", "SECURITY_ADDRESS_FORBIDDEN"),
        ("1|1|tcp|192.0.2.1:80|grpc|\\n", "SECURITY_ADDRESS_FORBIDDEN"),
        ("\\377\\033[2J\\n", "HANDSHAKE_LINE_NOT_UTF8"),
        ("\\033[2J\\000\\n", "HANDSHAKE_NOT_A_HANDSHAKE"),
    ] {
        let error = prints(line).fails_with(code).await;
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
}

#[tokio::test]
async fn both_lists_of_versions_are_shown() {
    let error = prints("1|9|unix|/s|grpc|\\n")
        .with(|builder| builder.versions([4, 3]))
        .fails_with("HANDSHAKE_VERSION_MISMATCH")
        .await;
    assert_eq!(error.to_string(), "plugin speaks protocol version \"9\", this host knows [3, 4]");
}

#[tokio::test]
async fn a_certificate_is_not_expected_in_plaintext() {
    prints(
        "1|1|tcp|127.0.0.1:1|grpc|AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\n",
    )
    .fails_with("SECURITY_CERT_UNEXPECTED")
    .await;
}

#[tokio::test]
async fn a_line_without_end_is_cut_short() {
    let error = Case::script("yes x | tr -d '\\n'").fails_with("HANDSHAKE_LINE_TOO_LONG").await;
    assert!(error.to_string().len() < 400, "{error}");
}

#[tokio::test]
async fn a_line_that_trickles_runs_out_of_time() {
    Case::script("while :; do printf 1; sleep 0.02; done")
        .with(|builder| builder.handshake_timeout(Duration::from_millis(300)))
        .fails_with("HANDSHAKE_TIMEOUT")
        .await;
}
