//! Every variant once, against the registry of codes and against the rules for messages.

use std::{io, time::Duration};

use super::*;
use crate::{
    ExitStatus, Network, Phase,
    config::{FilePlace, Setting, Source},
};

/// Makes one error of each variant; a variant without a sample does not compile.
macro_rules! samples {
    ($kind:ident: $($variant:ident { $($field:ident: $value:expr),* $(,)? })*) => {{
        let _complete = |error: &$kind| match error {
            $($kind::$variant { .. } => {})*
        };
        vec![$(Error::from($kind::$variant { $($field: $value),* })),*]
    }};
}

fn every_error() -> Vec<Error> {
    let text = || "…".to_owned();
    let system = || io::Error::other("the system's reason");
    let several = || vec![ConfigError::Conflict { first: "…", second: "…", reason: "…" }.into()];
    let mut all = samples!(ConfigError:
        Invalid { setting: "…", value: text(), expected: "what is expected" }
        Setting { setting: Setting::StartTimeout, value: "…".into(), from: Box::new(Source::Program) }
        FileValue { path: Box::from(std::path::Path::new("…")), key: "…".into(), value: "…".into(), expected: "what is expected" }
        Syntax { place: Box::new(FilePlace::beginning("…")), reason: text() }
        Unreadable { path: text().into(), from: Box::new(Source::Program), source: system() }
        UnknownSetting { key: "…".into(), from: Box::new(Source::Program), suggestion: Some("did you mean this?".into()) }
        UnknownKey { path: text().into(), key: text(), known: &["these", "those"] }
        UnknownProfile { name: "…".into(), known: vec!["these".into(), "those".into()] }
        FileNotFound { path: text().into(), source: system() }
        FileSyntax { path: text().into(), line: 1, column: 1, reason: text() }
        Conflict { first: "first", second: "second", reason: "…" }
        Settings { first: text(), second: text(), reason: "…" }
        Several { problems: several() }
        PortRange { min: text(), max: text(), reason: "…" }
        Cookie { key: text(), reason: "…" }
        ProtocolVersions { version: None, reason: "…" }
        DuplicateService { service: text(), version: 1 }
        ReservedService { service: text(), version: 1 }
        Env { name: text(), reason: "…" }
        SocketDir { path: text().into(), reason: "…", source: Some(system()) }
        SocketGroup { group: text(), reason: "…" }
        NotBuilt { setting: "…", feature: "name" }
        NotReloadable { settings: vec![Setting::StartTimeout] }
    );
    all.extend(samples!(HandshakeError:
        SpawnNotFound { missing: MissingPart::Program, path: text().into() }
        SpawnDenied { path: text().into(), detail: text() }
        SpawnFormat { path: text().into(), detail: text() }
        SpawnArgsTooLong { size: 1 }
        SpawnResources { source: system() }
        SpawnFailed { path: text().into(), source: system() }
        PluginExited { status: ExitStatus::Code(1), reason: None, hint: None }
        Timeout { limit: Duration::ZERO }
        NotLaunched { key: text(), present: false }
        NotAHandshake { line: text() }
        LineTooLong { start: text() }
        LineNotUtf8 { line: text() }
        FieldCount { count: 3, line: text() }
        CoreVersion { found: text() }
        VersionMismatch { plugin: text(), host: vec![1] }
        TransportMismatch { plugin: Network::Tcp, host: vec![Network::Unix] }
        Address { network: text(), address: text(), reason: "…" }
        ProtocolUnsupported { protocol: text() }
        MuxUnsupported {}
    ));
    all.extend(samples!(ProtocolError:
        PeerNotGrpc { detail: text() }
        Status { status: 5, name: "NOT_FOUND", message: text() }
        BadReply { detail: text() }
        Limit { detail: text() }
        RateLimited { detail: text() }
        InvalidMessage { path: text(), detail: text(), nearest: vec![text()] }
        UnknownService { service: text(), known: vec![text()] }
        UnknownMethod { method: text(), nearest: vec![text()] }
        AmbiguousMethod { method: text(), candidates: vec![text()] }
        WrongCallKind { method: text(), kind: "of a kind", function: "function" }
        NoDescriptors { detail: text() }
        BrokerUnknownId { id: 1 }
        BrokerDuplicate { id: 1 }
        BrokerMessage { detail: text() }
        BrokerLimit { id: 1, limit: 1 }
    ));
    all.extend(samples!(TransportError:
        InvalidEndpoint { address: text(), reason: "…" }
        BindFailed { attempts: vec![text()] }
        StdoutClosed { source: system().into() }
        Refused { address: text() }
        NotFound { address: text() }
        Denied { address: text(), detail: text() }
        ConnectTimeout { phase: Phase::Connect, limit: Duration::ZERO }
        Disconnected { detail: text(), source: Some(system().into()) }
        PluginGone { report: None }
        Deadline { origin: text() }
        Resources { source: system().into() }
        BrokerTimeout { id: 1, limit: Duration::ZERO }
        BrokerUnavailable { detail: text() }
        ReattachInUse { holder: Some(7) }
        ShutDown {}
    ));
    all.extend(samples!(SecurityError:
        TlsRequired {}
        TlsNotBuilt {}
        ConfigConflict { weak: text(), demand: text() }
        Several { problems: vec![SecurityError::ConfigConflict { weak: text(), demand: text() }] }
        CertMissing {}
        CertInvalid { reason: text() }
        ClientCertInvalid { reason: text() }
        CertUnexpected {}
        CertUntrusted { reason: text() }
        CertExpired { reason: text() }
        PinMismatch { expected: text(), found: text() }
        BadSignature { fingerprint: text() }
        NotTls { detail: text() }
        TlsHandshake { detail: text() }
        ClientRefused { detail: text() }
        Keygen { reason: text() }
        RotationFailed { reason: text(), days_left: 1 }
        AddressForbidden { address: text(), reason: text() }
        PeerCredentials { address: text(), detail: text() }
        ReattachPidMismatch { recorded: 1, address: text(), detail: text() }
        ReattachStale { detail: text() }
        ReattachNeedsTls { missing: "…" }
        ChecksumMismatch {
            path: text().into(), algorithm: "…", expected: text(), found: text(),
        }
        FilePermissions { path: text().into(), reason: text() }
        IsolationFailed { detail: text() }
    ));
    all
}

/// The variants whose facts depend on a field, with its other values.
fn other_faces() -> Vec<Error> {
    let missing = |missing| HandshakeError::SpawnNotFound { missing, path: "…".into() }.into();
    let exited = |status, reason: Option<&str>, hint: Option<&str>| {
        let [reason, hint] = [reason, hint].map(|text| text.map(str::to_owned));
        HandshakeError::PluginExited { status, reason, hint }.into()
    };
    let setting = |setting| {
        ConfigError::Setting { setting, value: "…".into(), from: Box::new(Source::Program) }.into()
    };
    let signal = ExitStatus::Signal { number: 9, core_dumped: false };
    vec![
        setting(Setting::HostMinPort),
        setting(Setting::MagicCookieValue),
        setting(Setting::HostProtocolVersions),
        setting(Setting::EnvAllow),
        missing(MissingPart::Interpreter),
        missing(MissingPart::Directory),
        exited(ExitStatus::Code(1), Some("HANDSHAKE_NOT_LAUNCHED: …"), Some("…")),
        exited(ExitStatus::Code(1), Some("…"), Some("…")),
        exited(ExitStatus::Code(1), Some("…"), None),
        exited(ExitStatus::Code(0), None, None),
        exited(signal, None, None),
        ProtocolError::Status { status: 10, name: "ABORTED", message: String::new() }.into(),
    ]
}

#[test]
fn every_variant_has_its_code_in_the_registry() {
    for error in every_error().into_iter().chain(other_faces()) {
        let code = error.code();
        let info = CodeInfo::of(code).unwrap_or_else(|| {
            let kind = error.kind().as_str().to_lowercase();
            panic!("say what {code} means, in error/codes/{kind}.rs")
        });
        assert_eq!(info.kind, error.kind(), "{code}");
        let agrees = match info.retryable {
            Retryable::Yes => error.is_retryable(),
            Retryable::No => !error.is_retryable(),
            Retryable::ByStatus => matches!(error, Error::Protocol { .. }),
        };
        assert!(agrees, "error/codes/ and `facts` disagree on whether {code} is retryable");
    }
}

#[test]
fn every_code_of_the_registry_is_that_of_a_variant() {
    let raised: Vec<Error> = every_error().into_iter().chain(other_faces()).collect();
    for info in codes() {
        let code = info.code;
        assert!(raised.iter().any(|error| error.code() == code), "no variant has the code {code}");
    }
}

#[test]
fn codes_begin_with_their_kind() {
    for error in every_error() {
        let kind = error.kind().as_str().to_uppercase();
        assert!(error.code().starts_with(&format!("{kind}_")), "{}", error.code());
    }
}

#[test]
fn messages_are_fragments_that_do_not_repeat_their_source() {
    for error in every_error() {
        let message = error.to_string();
        assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
        let source = error.source().map(ToString::to_string);
        assert!(source.is_none_or(|source| !message.contains(&source)), "{message}");
    }
}

fn exited() -> Error {
    let status = ExitStatus::Code(3);
    let reason = Some("CONFIG_COOKIE: no key".to_owned());
    let hint = Some("name one".to_owned());
    let mut report = CrashReport::new(Phase::Handshake);
    report.status = Some(status);
    report.stderr = vec!["first".into(), "last".into()];
    Error::from(HandshakeError::PluginExited { status, reason, hint }).with_report(report)
}

#[test]
fn a_main_that_returns_the_error_prints_all_of_it_for_people() {
    assert_eq!(
        format!("{:?}", exited()),
        "HANDSHAKE_PLUGIN_EXITED: plugin exited before it was ready: exit code 3: \
         CONFIG_COOKIE: no key\n\
         hint: the plugin's own hint: name one\n\
         phase handshake, alive 0ns, exit code 3\n  stderr: first\n  stderr: last"
    );
    let path = "/plugin".into();
    let source = io::Error::other("the system's reason");
    let boxed: Box<dyn StdError> =
        Box::new(Error::from(HandshakeError::SpawnFailed { path, source }));
    assert_eq!(
        format!("{boxed:?}"),
        "HANDSHAKE_SPAWN_FAILED: could not start /plugin\n\
         caused by: the system's reason\n\
         hint: the cause below is the system's own"
    );
}

#[test]
fn the_long_debug_form_shows_the_fields() {
    let text = format!("{:#?}", exited());
    assert!(text.starts_with("Handshake {\n    source: PluginExited {"), "{text}");
    for field in ["reason: Some(", "report: Some(\n        CrashReport {", "\"last\","] {
        assert!(text.contains(field), "{field}: {text}");
    }
}
