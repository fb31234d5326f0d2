use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use super::{super::refusal::Attempt, *};

async fn refused(plan: Launch) -> HandshakeError {
    let (keep, dropped) = kept();
    let error = launch(plan, Some(keep)).await.unwrap_err();
    assert!(dropped.try_recv().is_ok(), "the directory goes before the error is returned");
    let Error::Handshake { source, .. } = error else { panic!("{error}") };
    source
}

#[track_caller]
fn check(error: &HandshakeError, code: &str, message: &str) {
    assert_eq!((error.code(), error.to_string().as_str()), (code, message));
}

fn file(bytes: &[u8], mode: u32) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plugin");
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[tokio::test]
async fn a_missing_program_is_named_as_it_was_looked_for() {
    let error = refused(plan("/nonexistent/plugin", &[])).await;
    check(&error, "HANDSHAKE_SPAWN_NOT_FOUND", "program not found: /nonexistent/plugin");
    let error = refused(plan("rpcplugin-no-such-tool", &[])).await;
    check(&error, "HANDSHAKE_SPAWN_NOT_FOUND", "program not found: rpcplugin-no-such-tool");
    let error = refused(plan("", &[])).await;
    assert_eq!(error.code(), "HANDSHAKE_SPAWN_NOT_FOUND");
}

#[tokio::test]
async fn a_missing_interpreter_is_told_from_a_missing_program() {
    let (_directory, path) = file(b"#!/nonexistent/python3 -u\n", 0o755);
    write_program(Path::new(&path), "#! /nonexistent/python3 -u\n");
    let error = refused(plan(&path, &[])).await;
    check(&error, "HANDSHAKE_SPAWN_NOT_FOUND", "interpreter not found: /nonexistent/python3");
}

#[tokio::test]
async fn a_missing_directory_is_told_from_a_missing_program() {
    let mut plan = script("exit 0");
    plan.command.current_dir("/nonexistent/dir");
    let error = refused(plan).await;
    check(&error, "HANDSHAKE_SPAWN_NOT_FOUND", "working directory not found: /nonexistent/dir");
}

#[tokio::test]
async fn files_without_permission_and_directories_are_denied() {
    let (directory, path) = file(b"#!/bin/sh\n", 0o644);
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    let owner = format!("owner {}:{}", user.as_raw(), group.as_raw());
    let message = format!("not permitted to run {path}: file, mode 0644, {owner}");
    check(&refused(plan(&path, &[])).await, "HANDSHAKE_SPAWN_DENIED", &message);

    let path = directory.path().to_str().unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o750)).unwrap();
    let message = format!("not permitted to run {path}: directory, mode 0750, {owner}");
    check(&refused(plan(path, &[])).await, "HANDSHAKE_SPAWN_DENIED", &message);
}

#[track_caller]
fn unfit(error: &HandshakeError, detail: &str) {
    assert_eq!(error.code(), "HANDSHAKE_SPAWN_FORMAT");
    let message = error.to_string();
    assert!(message.ends_with(&format!("cannot run on this machine: {detail}")), "{message}");
}

#[tokio::test]
async fn files_that_no_shell_should_see_are_named_by_their_format() {
    let (_directory, path) = file(b"", 0o755);
    unfit(&refused(plan(&path, &[])).await, "an empty file");
    let (_directory, path) = file(b"echo hello\n", 0o755);
    let detail = "neither an ELF program nor a script with a #! line";
    unfit(&refused(plan(&path, &[])).await, detail);
}

#[tokio::test]
async fn truncated_and_foreign_programs_are_recognised() {
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    for length in [5, 63, 200, 4096] {
        let (_directory, path) = file(&program[..length], 0o755);
        let detail = format!("a truncated ELF file of {length} bytes");
        unfit(&refused(plan(&path, &[])).await, &detail);
    }
    let mut foreign = program[..4096].to_vec();
    // S/390, big-endian in life, but the machine alone is enough.
    (foreign[18], foreign[19]) = (22, 0);
    let (_directory, path) = file(&foreign, 0o755);
    let needed = std::env::consts::ARCH;
    let detail = format!("built for 64-bit S/390, needed is {needed}");
    unfit(&refused(plan(&path, &[])).await, &detail);
}

#[tokio::test]
async fn too_long_an_environment_is_told_with_its_size() {
    let mut plan = script("exit 0");
    plan.environment.push(("BIG".into(), "x".repeat(3_000_000).into()));
    let error = refused(plan).await;
    assert_eq!(error.code(), "HANDSHAKE_SPAWN_ARGS_TOO_LONG");
    let HandshakeError::SpawnArgsTooLong { size } = error else { panic!("{error}") };
    assert!((3_000_000..3_100_000).contains(&size), "{size}");
}

#[tokio::test]
async fn an_argument_with_nul_is_a_failure_with_its_cause() {
    let error = refused(plan("/bin/sh", &["a\0b"])).await;
    check(&error, "HANDSHAKE_SPAWN_FAILED", "could not start /bin/sh");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn want_of_resources_may_pass() {
    let attempt = Attempt::new(&std::process::Command::new("/bin/sh"));
    for number in [libc::EAGAIN, libc::EMFILE, libc::ENFILE, libc::ENOMEM] {
        let error = attempt.explain(std::io::Error::from_raw_os_error(number));
        assert_eq!((error.code(), error.is_retryable()), ("HANDSHAKE_SPAWN_RESOURCES", true));
    }
    let error = attempt.explain(std::io::Error::from_raw_os_error(libc::EPERM));
    assert_eq!((error.code(), error.is_retryable()), ("HANDSHAKE_SPAWN_FAILED", false));
}
