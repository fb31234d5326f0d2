//! How it ends: asked, signalled, or without its host.

use rpcplugin::core::ExitStatus;
use rpcplugin_proto::plugin::{Empty, grpc_controller_client::GrpcControllerClient};
use rustix::process::Signal;
use serde_json::Value;

use rpcplugin::tonic::Code;

use super::{line::Facts, rules::*, services};
use crate::check::{
    book::{Book, Session, Stop},
    dial::{answers, is_answer},
    process::ending,
    rule::Rule,
    target::{Launch, Plugin, Stdin, Target},
};

/// The controller's Shutdown, and what was written until then.
pub(crate) async fn shutdown(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let mut started = target.start(&facts.launch(target)).await?;
    let channel = services::connected(&started).await?;
    // Stdin has been at its end all the time.
    if !facts.reads_stdin {
        book.check(STDIN_EOF, true, "calls are answered");
    }
    let answer = GrpcControllerClient::new(channel.clone()).shutdown(Empty {}).await;
    let plugin = &mut started.plugin;
    let (served, answered, seen) = match &answer {
        Ok(_) => (true, true, "OK".to_owned()),
        Err(status) if is_answer(status) => {
            let served = status.code() != Code::Unimplemented;
            (served, false, services::name(status).to_owned())
        }
        Err(status) => (true, false, services::name(status).to_owned()),
    };
    book.check(SHUTDOWN, served, if served { "it is" } else { &*seen });
    if !served {
        drop(channel);
        plugin.process.signal_group(Signal::TERM);
        plugin.process.ended(target.limits.grace).await;
        written(target, plugin, book).await;
        return Err(Stop("there is no Shutdown".to_owned()));
    }
    book.check(SHUTDOWN_ANSWER, answered, seen);
    // Hosts keep their connection until the plugin has gone.
    let status = plugin.process.ended(target.limits.grace).await;
    drop(channel);
    book.check(SHUTDOWN_ENDS, status.is_some(), ending(status));
    if status.is_none() {
        written(target, plugin, book).await;
        return Err(Stop("it does not end".to_owned()));
    }
    let code = status.and_then(ExitStatus::code);
    book.check(SHUTDOWN_EXIT_CODE, code == Some(0), ending(status));
    files(SHUTDOWN_FILES, plugin, book);
    let left = plugin.process.has_leftovers(target.limits.grace).await;
    book.check(LEFTOVERS, !left, if left { "a process is left" } else { "none is" });
    written(target, plugin, book).await;
    Ok(())
}

fn files(rule: &'static Rule, plugin: &Plugin, book: &mut Book) {
    let left = plugin.files();
    let seen = match left.first() {
        None => "they are".to_owned(),
        Some(place) => format!("{} left in {place}", left.len()),
    };
    book.check(rule, left.is_empty(), seen);
}

/// What stands on stdout and stderr at the end.
async fn written(target: &Target, plugin: &mut Plugin, book: &mut Book) {
    let process = &mut plugin.process;
    process.stdout.end(target.limits.grace).await;
    process.stderr.end(target.limits.grace).await;
    let (stdout, stderr) = (process.stdout.kept(), process.stderr.kept());
    let is_line = |line: &&[u8]| line.iter().filter(|byte| **byte == b'|').count() >= 3;
    let lines: Vec<_> = stdout.split_inclusive(|byte| *byte == b'\n').collect();
    let after = lines.iter().position(is_line).map_or(0, |place| place + 1);
    let more = lines.get(after..).unwrap_or_default();
    let seen = match more.first() {
        None => "nothing does".to_owned(),
        Some(first) => format!("{} follows", crate::check::line::shown(first.trim_ascii())),
    };
    book.check(STDOUT_QUIET, more.is_empty(), seen);

    let mut odd = None;
    for line in stderr.split(|byte| *byte == b'\n') {
        if let Ok(Value::Object(object)) = serde_json::from_slice(line) {
            odd = odd.or(["@level", "@message", "@timestamp"]
                .into_iter()
                .find(|key| object.get(*key).is_some_and(|value| !value.is_string())));
        }
    }
    let seen = odd.map_or_else(|| "it has".to_owned(), |key| format!("{key} is no text"));
    book.check(STDERR_FORM, odd.is_none(), seen);
    let longest = stderr.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).max();
    let kept = longest.unwrap_or_default() <= rpcplugin::core::limits::LOG_LINE;
    book.check(STDERR_LENGTH, kept, if kept { "they are" } else { "one is longer" });

    let value = target.cookie.1.as_bytes();
    // Short values are words that stand there by chance.
    if value.len() < 8 {
        book.skip(COOKIE_UNSAID, "the value is too short to tell");
    } else {
        let holds = |text: &[u8]| text.windows(value.len()).any(|part| part == value);
        let said = holds(&stdout) || holds(&stderr);
        book.check(COOKIE_UNSAID, !said, if said { "it is written" } else { "it does not" });
    }
}

/// SIGINT, then SIGTERM.
pub(crate) async fn signals(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let mut started = target.start(&facts.launch(target)).await?;
    let channel = services::connected(&started).await?;
    started.plugin.process.signal(Signal::INT);
    let mut status = started.plugin.process.ended(target.limits.quiet).await;
    if status.is_none() && answers(channel.clone()).await.is_err() {
        // It may be on its way out.
        status = started.plugin.process.ended(target.limits.grace).await;
    }
    let seen = match status {
        None => "calls are answered".to_owned(),
        ended => ending(ended),
    };
    drop(channel);
    if !book.check(SIGINT, status.is_none(), seen) {
        started = target.start(&facts.launch(target)).await?;
        services::connected(&started).await?;
    }
    let plugin = &mut started.plugin;
    plugin.process.signal_group(Signal::TERM);
    let status = plugin.process.ended(target.limits.grace).await;
    if !book.check(SIGTERM, status.is_some(), ending(status)) {
        return Err(Stop("it does not end".to_owned()));
    }
    let code = status.and_then(ExitStatus::code);
    book.check(SIGTERM_EXIT_CODE, code == Some(0), ending(status));
    files(SIGTERM_FILES, plugin, book);
    Ok(())
}

/// The pipe that its host holds.
pub(crate) async fn lifeline(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let launch = Launch { stdin: Stdin::Lifeline, ..facts.launch(target) };
    let mut started = target.start(&launch).await?;
    drop(services::connected(&started).await?);
    let process = &mut started.plugin.process;
    drop(process.stdin.take());
    let status = process.ended(target.limits.grace).await;
    book.check(LIFELINE, status.is_some(), ending(status));
    Ok(())
}

/// The process that started it is killed.
pub(crate) async fn host_death(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let launch = Launch { between: true, ..facts.launch(target) };
    let mut started = target.start(&launch).await?;
    drop(services::connected(&started).await?);
    let process = &mut started.plugin.process;
    // The shell alone; the plugin holds the other ends of the pipes.
    process.signal(Signal::KILL);
    process.ended(target.limits.grace).await;
    let over = process.stdout.end(target.limits.grace).await
        && process.stderr.end(target.limits.grace).await;
    book.check(HOST_DEATH, over, if over { "it does" } else { "it lives on" });
    Ok(())
}
