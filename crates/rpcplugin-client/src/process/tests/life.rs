use std::{future::Future, pin::pin, task::Poll};

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::*;

#[tokio::test]
async fn the_exit_code_is_told_as_often_as_asked() {
    let (keep, dropped) = kept();
    let mut process = launch(script("exit 3"), Some(keep)).await.unwrap();
    let child = pid(&process);
    assert_eq!(process.wait().await, ExitStatus::Code(3));
    assert_eq!(process.wait().await, ExitStatus::Code(3));
    assert_eq!(process.try_exit(), Some(ExitStatus::Code(3)));
    assert!(dropped.try_recv().is_err(), "the directory stays until the process is reaped");
    assert_eq!(process.finish().await, Some(ExitStatus::Code(3)));
    assert!(dropped.try_recv().is_ok());
    nothing_left(child);
}

#[tokio::test]
async fn a_signal_is_told_with_its_number() {
    let mut process = start(script("kill -SEGV $$")).await;
    assert_eq!(process.wait().await.signal(), Some(11));
    process.finish().await;
}

#[tokio::test]
async fn waiting_may_be_cancelled() {
    let mut process = start(plan("/bin/cat", &[])).await;
    for _ in 0..3 {
        let mut wait = pin!(process.wait());
        let polled = std::future::poll_fn(|context| Poll::Ready(wait.as_mut().poll(context)));
        assert!(polled.await.is_pending());
    }
    assert_eq!(process.try_exit(), None);
    process.signal_group(Signal::Kill);
    assert_eq!(process.wait().await.signal(), Some(9));
    process.finish().await;
}

#[tokio::test]
async fn a_dropped_process_is_killed_with_its_group_and_reaped() {
    let (keep, dropped) = kept();
    let mut process = launch(script("sleep 300 & echo $!; wait"), Some(keep)).await.unwrap();
    let grandchild = line(&mut process).await;
    let child = pid(&process);
    drop(process);
    dropped.recv_timeout(SOON).unwrap();
    nothing_left(child);
    eventually(|| has_ended(&grandchild));
}

#[tokio::test]
async fn killing_reaches_descendants_that_left_the_group() {
    let mut process = start(script("setsid sleep 300 & echo $!; wait")).await;
    let grandchild = line(&mut process).await;
    let group = || {
        let stat = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().split(' ').nth(3).unwrap().to_owned()
    };
    eventually(|| group() == grandchild);
    let child = pid(&process);
    drop(process);
    eventually(|| has_ended(&grandchild));
    eventually(|| is_reaped(child));
}

#[tokio::test]
async fn killing_reaches_more_descendants_than_are_looked_at_in_passing() {
    const MANY: usize = 100;
    let text =
        format!("for i in $(seq {MANY}); do setsid sh -c 'echo $$; exec sleep 300' & done; wait");
    let mut process = start(script(&text)).await;
    let mut stdout = BufReader::new(process.take_stdout().unwrap()).lines();
    let mut strays = Vec::new();
    while strays.len() < MANY {
        strays.push(stdout.next_line().await.unwrap().unwrap());
    }
    let child = pid(&process);
    process.signal_group(Signal::Kill);
    assert_eq!(process.wait().await.signal(), Some(9));
    assert_eq!(process.finish().await.unwrap().signal(), Some(9));
    nothing_left(child);
    for stray in strays {
        eventually(|| has_ended(&stray));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_look_at_a_family_is_bounded_in_processes_and_in_threads() {
    use crate::process::child::{Budget, Family};
    let mut process = start(script("for i in 1 2 3; do sleep 300 & done; echo; wait")).await;
    line(&mut process).await;
    let look = |processes, threads| {
        let family = Family::of(process.pid(), Budget { processes, threads });
        (family.len(), family.is_whole())
    };
    // The shell and its three children have a thread each.
    assert_eq!(look(3, 4), (3, true));
    assert_eq!(look(2, 4), (2, false));
    assert_eq!(look(3, 3), (3, false));
    assert_eq!(look(3, 0), (0, false));
    process.finish().await;
}

#[tokio::test]
async fn what_is_left_of_the_group_goes_with_the_leader() {
    let mut process = start(script("sleep 300 & echo $!")).await;
    let grandchild = line(&mut process).await;
    let child = pid(&process);
    assert_eq!(process.wait().await, ExitStatus::Code(0));
    assert!(!has_ended(&grandchild), "the end of the leader alone ends nobody");
    assert_eq!(process.finish().await, Some(ExitStatus::Code(0)));
    nothing_left(child);
    eventually(|| has_ended(&grandchild));
}

async fn ends_only_by_force(mut process: Process) {
    process.signal_group(Signal::Terminate);
    assert_eq!(process.try_exit(), None);
    process.signal_group(Signal::Kill);
    assert_eq!(process.wait().await.signal(), Some(9));
    let child = pid(&process);
    process.finish().await;
    nothing_left(child);
}

#[tokio::test]
async fn a_deaf_process_can_be_killed() {
    let mut process = start(script("trap '' TERM; echo; while :; do sleep 1; done")).await;
    line(&mut process).await;
    ends_only_by_force(process).await;
}

#[tokio::test]
async fn a_stopped_process_can_be_killed() {
    let process = start(script("kill -STOP $$; sleep 300")).await;
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
    eventually(|| stat().contains(") T "));
    ends_only_by_force(process).await;
}

#[tokio::test]
async fn terminate_asks_the_whole_group_once() {
    let text = "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.01; done";
    let mut process = start(script(text)).await;
    assert_eq!(line(&mut process).await, "ready");
    process.signal_group(Signal::Terminate);
    assert_eq!(process.wait().await, ExitStatus::Code(5));
    let mut rest = String::new();
    process.take_stdout().unwrap().read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "got\n");
    process.finish().await;
}

#[tokio::test]
async fn finishing_a_running_process_kills_it() {
    let process = start(plan("/bin/cat", &[])).await;
    let child = pid(&process);
    assert_eq!(process.finish().await.unwrap().signal(), Some(9));
    nothing_left(child);
}

#[tokio::test]
async fn the_end_is_announced_by_wait_and_by_drop() {
    let mut process = start(script("exit 0")).await;
    let ended = process.ended();
    process.wait().await;
    assert!(ended.is_cancelled());
    process.finish().await;

    let process = start(plan("/bin/cat", &[])).await;
    let ended = process.ended();
    assert!(!ended.is_cancelled());
    drop(process);
    assert!(ended.is_cancelled());
}

#[tokio::test]
async fn a_launch_that_is_dropped_at_any_point_leaves_nothing() {
    for polls in 0..4 {
        for _ in 0..10 {
            let (keep, dropped) = kept();
            let mut starting = Box::pin(launch(plan("/bin/cat", &[]), Some(keep)));
            for _ in 0..polls {
                let step = std::future::poll_fn(|context| {
                    Poll::Ready(starting.as_mut().poll(context).map(drop))
                });
                if step.await.is_ready() {
                    break;
                }
                std::thread::yield_now();
            }
            drop(starting);
            // It is dropped after the process has been reaped, or when none was started.
            dropped.recv_timeout(SOON).unwrap();
        }
    }
}

#[test]
fn dropping_needs_no_runtime() {
    let (keep, dropped) = kept();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let process = runtime.block_on(launch(plan("/bin/cat", &[]), Some(keep))).unwrap();
    let child = pid(&process);
    drop(runtime);
    drop(process);
    dropped.recv_timeout(SOON).unwrap();
    nothing_left(child);
}

/// Takes longer to go than a thread of a runtime would wait.
struct Slow(Option<Kept>);

impl Drop for Slow {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(200));
        self.0.take();
    }
}

/// Does not go before it may.
struct Stuck(mpsc::Receiver<()>);

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = self.0.recv();
    }
}

#[tokio::test]
async fn one_whose_directory_hangs_holds_up_no_other() {
    let (let_go, stuck) = mpsc::channel();
    let process = launch(plan("/bin/cat", &[]), Some(Stuck(stuck))).await.unwrap();
    let hanging = pid(&process);
    drop(process);
    let (keep, dropped) = kept();
    let process = launch(plan("/bin/cat", &[]), Some(keep)).await.unwrap();
    drop(process);
    dropped.recv_timeout(SOON).unwrap();
    eventually(|| is_reaped(hanging));
    drop(let_go);
}

#[test]
fn what_a_process_leaves_is_gone_when_its_runtime_is() {
    for workers in [0, 1] {
        let mut builder = match workers {
            0 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build().unwrap();
        let (keep, dropped) = kept();
        let started = launch(plan("/bin/cat", &[]), Some(Slow(Some(keep))));
        let process = runtime.block_on(started).unwrap();
        let child = pid(&process);
        runtime.spawn(async move {
            let _process = process;
            std::future::pending::<()>().await;
        });
        let started = Instant::now();
        drop(runtime);
        // A machine on which a killed process needs a second to end is left to its reaper.
        assert!(dropped.try_recv().is_ok() || started.elapsed() >= limits::REAP, "{workers}");
        eventually(|| is_reaped(child));
    }
}

#[test]
fn waiting_goes_on_in_another_runtime() {
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = build();
    let mut process = first.block_on(start(plan("/bin/cat", &[])));
    drop(first);
    let status = build().block_on(async {
        process.signal_group(Signal::Kill);
        process.wait().await
    });
    assert_eq!(status.signal(), Some(9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_come_and_go_at_once() {
    let mut tasks = tokio::task::JoinSet::new();
    for code in 0..64 {
        tasks.spawn(async move {
            let mut process = start(script(&format!("exit {code}"))).await;
            assert_eq!(process.wait().await, ExitStatus::Code(code));
            let child = pid(&process);
            process.finish().await;
            child
        });
    }
    while let Some(child) = tasks.join_next().await {
        nothing_left(child.unwrap());
    }
}

#[tokio::test]
async fn a_process_that_somebody_else_reaped_is_not_signalled_again() {
    let mut process = start(script("exit 0")).await;
    let child = pid(&process);
    let _ = waitpid(Some(child), WaitOptions::empty());
    assert_eq!(process.wait().await, ExitStatus::Unknown);
    process.signal_group(Signal::Kill);
    assert_eq!(process.finish().await, Some(ExitStatus::Unknown));
}
