//! Which version is chosen.

use super::rules::*;
use crate::check::{
    book::{Book, Session, Stop},
    target::{Launch, Target},
};

use super::line::Facts;

/// Beyond what plugins serve.
const STRANGE: u32 = 999_983;
/// How many versions are offered to find out what is served.
const OFFERED: u32 = 16;
/// More are not looked for.
const MOST: usize = 4;

pub(crate) async fn run(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let own = facts.version;
    let chosen = choose(target, facts, Some(format!("{STRANGE},{own},{}", STRANGE + 1))).await?;
    book.check(
        VERSION_OFFERED,
        chosen == own,
        format!("offered with strange ones: {}", word(chosen, own)),
    );

    let junk = choose(target, facts, Some(format!("x,,{own}, -1"))).await;
    let seen = match &junk {
        Ok(version) => word(*version, own),
        Err(Stop(why)) => why.clone(),
    };
    book.check(VERSION_JUNK, junk.is_ok_and(|version| version == own), seen);

    // All that is served, as far as it can be found: what is chosen of all, then of all the others.
    let mut served = Vec::new();
    while let Ok(version) = {
        let others = (0..OFFERED).chain([own]).filter(|version| !served.contains(version));
        choose(target, facts, Some(list(others))).await
    } && !served.contains(&version)
        && served.len() < MOST
    {
        served.push(version);
    }
    served.sort_unstable();
    match served.as_slice() {
        [.., next, top] => {
            let chosen = choose(target, facts, Some(format!("{top},{next}"))).await?;
            let reversed = choose(target, facts, Some(format!("{next},{top}"))).await?;
            let kept = chosen == *top && reversed == *top;
            let seen = format!("of {next} and {top} it takes {}", chosen.min(reversed));
            book.check(VERSION_HIGHEST, kept, seen);
        }
        _ => book.skip(VERSION_HIGHEST, "it serves one version"),
    }
    let lowest = served.first().copied().unwrap_or(own);
    for (rule, offer) in [(VERSION_NONE, Some(STRANGE.to_string())), (VERSION_ABSENT, None)] {
        let chosen = choose(target, facts, offer).await;
        let seen = match &chosen {
            Ok(version) => format!("version {version}, its lowest is {lowest}"),
            Err(Stop(why)) => why.clone(),
        };
        book.check(rule, chosen.is_ok_and(|version| version == lowest), seen);
    }
    Ok(())
}

fn word(chosen: u32, own: u32) -> String {
    format!("version {chosen}, its own is {own}")
}

fn list(versions: impl Iterator<Item = u32>) -> String {
    versions.map(|version| version.to_string()).collect::<Vec<_>>().join(",")
}

/// The version of a start with this list.
async fn choose(target: &Target, facts: &Facts, versions: Option<String>) -> Result<u32, Stop> {
    let launch = Launch { versions, ..facts.launch(target) };
    let started = target.start(&launch).await?;
    started.line.version().ok_or_else(|| Stop("the version is no number".to_owned()))
}
