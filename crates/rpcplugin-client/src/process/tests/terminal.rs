//! Who has the terminal. The host needs one of its own, which `script` makes.

use rustix::{process::getpgrp, stdio::stdin, termios::tcgetpgrp};

use super::*;

/// Tells the role to the same test in a process with a terminal.
const INSIDE: &str = "RPCPLUGIN_TEST_TERMINAL";

/// Whether a plugin with this standard input is in the terminal's foreground.
async fn has_terminal(stdin: Stdin) -> bool {
    let plan = Launch { stdin, ..script("cut -d' ' -f5,8 /proc/$$/stat") };
    let mut process = start(plan).await;
    let groups = output(&mut process).await;
    process.finish().await;
    let (own, foreground) = groups.trim().split_once(' ').unwrap();
    own == foreground
}

#[tokio::test]
async fn a_plugin_gets_the_terminal_if_it_was_chosen_and_the_host_gets_it_back() {
    if std::env::var_os(INSIDE).is_some() {
        assert!(!has_terminal(Stdin::Inherit).await);
        assert!(has_terminal(Stdin::Terminal).await);
        assert_eq!(tcgetpgrp(stdin()), Ok(getpgrp()));
        // A start that fails gives it back, too.
        let plan = Launch { stdin: Stdin::Terminal, ..plan("/etc/passwd", &[]) };
        assert!(launch(plan, None::<()>).await.is_err());
        assert_eq!(tcgetpgrp(stdin()), Ok(getpgrp()));
        return;
    }
    let test = "process::tests::terminal::\
                a_plugin_gets_the_terminal_if_it_was_chosen_and_the_host_gets_it_back";
    let command = format!("'{}' --exact {test}", std::env::current_exe().unwrap().display());
    let mut host = Command::new("script");
    host.args(["-qec", &command, "/dev/null"]).env(INSIDE, "1");
    // Held open: at its end `script` would hang up.
    host.stdin(std::process::Stdio::piped()).kill_on_drop(true);
    let ran = tokio::time::timeout(SOON, async {
        let mut host = host.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let _stdin = host.stdin.take();
        host.wait_with_output().await.unwrap()
    });
    let ran = ran.await.expect("it did not end");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn without_a_terminal_it_is_the_hosts_standard_input() {
    if tcgetpgrp(stdin()).is_err() {
        assert!(!has_terminal(Stdin::Terminal).await);
    }
}
