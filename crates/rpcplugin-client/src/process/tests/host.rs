//! Children and the end of the thread, or the process, that had them started.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use tokio::io::AsyncWriteExt as _;

use super::*;

#[test]
fn a_child_survives_the_thread_that_asked_for_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let plan = Launch { stdin: Stdin::Piped, ..plan("/bin/cat", &[]) };
            sender.send(runtime.block_on(start(plan))).unwrap();
        });
    });
    let mut process = receiver.recv().unwrap();
    // The thread is gone, so a signal bound to it has been sent by now.
    let mut stdin = process.take_stdin().unwrap();
    let mut stdout = process.take_stdout().unwrap();
    let echoed = runtime.block_on(async {
        let mut echo = [0; 4];
        for _ in 0..10 {
            stdin.write_all(b"ping").await.unwrap();
            stdout.read_exact(&mut echo).await.unwrap();
        }
        echo
    });
    assert_eq!(&echoed, b"ping");
    assert_eq!(process.try_exit(), None);
}

const ROLE: &str = "RPCPLUGIN_TEST_HOST";

/// Not a test: the host that the tests below start and kill.
#[tokio::test]
async fn host_to_be_killed() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let plan = Launch { detach: role == "detach", ..plan("/bin/sleep", &["300"]) };
    let mut process = start(plan).await;
    eprintln!("child {}", process.pid());
    process.wait().await;
}

/// Starts the host above, kills it, and returns the pid of its child.
fn orphan_of(role: &str) -> String {
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::tests::host::host_to_be_killed", "--nocapture"])
        .env(ROLE, role)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(host.stderr.take().unwrap()).lines();
    let child = lines
        .find_map(|line| line.unwrap().strip_prefix("child ").map(str::to_owned))
        .expect("the host prints it");
    assert!(!has_ended(&child));
    host.kill().unwrap();
    host.wait().unwrap();
    child
}

#[test]
fn a_child_that_knows_nothing_dies_with_its_host() {
    let child = orphan_of("attached");
    eventually(|| has_ended(&child));
}

#[test]
fn a_detached_child_outlives_its_host() {
    let child = orphan_of("detach");
    // Had it been sent a signal, it was before the host was reaped.
    assert!(!has_ended(&child));
    let pid = Pid::from_raw(child.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    eventually(|| has_ended(&child));
}
