//! Starts that a plugin must refuse.

use rpcplugin::core::ExitStatus;

use super::{line::Facts, rules::*};
use crate::check::{
    book::{Book, Session},
    line::{Line, shown},
    process::ending,
    target::{Cookie, Launch, Plugin, Target, not_started},
};

/// Without the cookie, as a person starts it.
pub(crate) async fn cookie_absent(target: &Target, book: &mut Book) -> Session {
    let (plugin, status) = refused(target, Cookie::Absent).await?;
    let stdout = plugin.process.stdout.kept();
    let stderr = plugin.process.stderr.kept();
    let kept = status.is_some() && stdout.is_empty();
    book.check(COOKIE_ABSENT, kept, outcome(&stdout, status));
    book.check(COOKIE_EXIT_CODE, status.and_then(ExitStatus::code) == Some(1), ending(status));
    let says = !stderr.trim_ascii().is_empty();
    book.check(COOKIE_MESSAGE, says, if says { "it does" } else { "stderr is empty" });
    Ok(())
}

/// With a cookie that begins like none of its own.
pub(crate) async fn cookie_wrong(target: &Target, book: &mut Book) -> Session {
    let (plugin, status) = refused(target, Cookie::Wrong).await?;
    let stdout = plugin.process.stdout.kept();
    book.check(COOKIE_WRONG, status.is_some() && stdout.is_empty(), outcome(&stdout, status));
    Ok(())
}

async fn refused(
    target: &Target,
    cookie: Cookie,
) -> Result<(Plugin, Option<ExitStatus>), crate::check::book::Stop> {
    let launch = Launch { cookie, ..target.launch_mutual() };
    let mut plugin = target.spawn(&launch).map_err(|error| not_started(&error))?;
    // A line is an answer as well as the end is.
    let process = &mut plugin.process;
    process.stdout.until(target.limits.call, |bytes| bytes.contains(&b'\n')).await;
    let printed = !process.stdout.kept().is_empty();
    let limit = if printed { target.limits.quiet } else { target.limits.call };
    let status = process.ended(limit).await;
    process.stderr.end(target.limits.grace).await;
    Ok((plugin, status))
}

fn outcome(stdout: &[u8], status: Option<ExitStatus>) -> String {
    let line = stdout.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let printed = match stdout.is_empty() {
        true => "nothing on stdout".to_owned(),
        false if Line::of(line).fields.len() >= 4 => "it prints a line".to_owned(),
        false => format!("{} on stdout", shown(line)),
    };
    format!("{printed}: {}", ending(status))
}

/// With a certificate that is none.
pub(crate) async fn unreadable_certificate(
    target: &Target,
    facts: &Facts,
    book: &mut Book,
) -> Session {
    let text = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let launch = Launch { certificate: Some(text.to_owned()), ..facts.plaintext(target) };
    let mut plugin = target.spawn(&launch).map_err(|error| not_started(&error))?;
    let process = &mut plugin.process;
    process.stdout.until(target.limits.start, |bytes| bytes.contains(&b'\n')).await;
    let stdout = process.stdout.kept();
    if stdout.is_empty() {
        let status = process.outcome(&target.limits).await;
        let kept = status.is_some();
        book.check(TLS_UNREADABLE, kept, format!("no line came: {}", ending(status)));
        return Ok(());
    }
    let line = Line::of(stdout.split(|byte| *byte == b'\n').next().unwrap_or_default());
    let place = line.place().map_err(crate::check::book::Stop)?;
    let route = crate::check::dial::Route::plaintext(place, target.limits.call);
    let seen = match route.answers().await {
        Ok(()) => "it answers in plaintext",
        Err(_) => "it does not answer in plaintext",
    };
    book.check(TLS_UNREADABLE, seen.starts_with("it does not"), seen);
    Ok(())
}
