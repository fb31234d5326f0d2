//! What a child gets of its host: three descriptors, default signals, and the environment given.

use super::*;

#[tokio::test]
async fn a_child_has_three_descriptors() {
    // Not to be closed by exec, as descriptors of careless libraries are.
    let careless = rustix::io::dup(std::io::stderr()).unwrap();
    let text = r"n=3; while [ $n -lt 1024 ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n+1)); done
                 for n in 0 1 2; do [ -e /proc/$$/fd/$n ] && echo has $n; done";
    let mut process = start(script(text)).await;
    assert_eq!(output(&mut process).await, "has 0\nhas 1\nhas 2\n");
    process.finish().await;
    drop(careless);
}

#[tokio::test]
async fn a_child_ignores_and_blocks_no_signal() {
    let mut process = start(plan("/bin/grep", &["-E", "^Sig(Ign|Blk)", "/proc/self/status"])).await;
    assert_eq!(
        output(&mut process).await,
        "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
    );
    process.finish().await;
}

/// Runs the test above in a host that ignores signals, because its own parent did.
#[test]
fn ignored_signals_are_not_inherited() {
    let host = std::process::Command::new("/bin/sh")
        .args(["-c", r#"trap '' HUP INT USR2; exec "$0" --exact "$1""#])
        .arg(std::env::current_exe().unwrap())
        .arg("process::tests::given::a_child_ignores_and_blocks_no_signal")
        .output()
        .unwrap();
    assert!(host.status.success(), "{}", String::from_utf8_lossy(&host.stdout));
    assert!(String::from_utf8_lossy(&host.stdout).contains("1 passed"));
}

#[tokio::test]
async fn a_child_has_exactly_the_environment_given() {
    let mut plan = plan("/usr/bin/env", &["-0"]);
    // The command's own is replaced: it went through the composition.
    plan.command.env("LEFT_OUT", "x");
    plan.environment = vec![("A".into(), "1\n2".into()), ("B".into(), OsString::new())];
    let mut process = start(plan).await;
    assert_eq!(output(&mut process).await, "A=1\n2\0B=\0");
    process.finish().await;
}

#[tokio::test]
async fn a_bare_name_is_looked_up_in_the_childs_path() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("rpcplugin-test-tool");
    write_program(&program, "#!/bin/sh\necho \"$0\"\n");
    let mut plan = plan("rpcplugin-test-tool", &[]);
    plan.environment = vec![("PATH".into(), directory.path().into())];
    let mut process = start(plan).await;
    assert_eq!(process.program(), program);
    assert_eq!(process.name(), "rpcplugin-test-tool");
    assert_eq!(output(&mut process).await.trim_end(), program.to_str().unwrap());
    process.finish().await;
}

#[tokio::test]
async fn a_relative_name_starts_from_the_childs_directory() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("tool");
    write_program(&program, "#!/bin/sh\npwd\n");
    let mut plan = plan("./tool", &[]);
    plan.command.current_dir(directory.path());
    let mut process = start(plan).await;
    assert_eq!(process.program(), program);
    let physical = directory.path().canonicalize().unwrap();
    assert_eq!(Path::new(output(&mut process).await.trim_end()), physical);
    process.finish().await;
}

async fn stdin_of(stdin: Stdin, detach: bool) -> String {
    let plan = Launch { stdin, detach, ..script("readlink /proc/$$/fd/0") };
    let mut process = start(plan).await;
    assert_eq!(process.take_stdin().is_some(), stdin == Stdin::Piped);
    let target = output(&mut process).await;
    process.finish().await;
    target
}

#[tokio::test]
async fn stdin_is_what_was_chosen() {
    assert!(stdin_of(Stdin::Lifeline, false).await.starts_with("pipe:"));
    assert_eq!(stdin_of(Stdin::Lifeline, true).await, "/dev/null\n");
    assert!(stdin_of(Stdin::Piped, false).await.starts_with("pipe:"));
    assert_eq!(stdin_of(Stdin::Null, false).await, "/dev/null\n");
    let own = std::fs::read_link("/proc/self/fd/0").unwrap();
    assert_eq!(Path::new(stdin_of(Stdin::Inherit, false).await.trim_end()), own);
}
