//! The shape of a distribution, on a scale of powers.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{stats::Times, units};
use crate::output::FAINT;

/// A part of the scale, with how many lie in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) count: u64,
}

/// Divides the scale from the smallest to the largest of these; the parts are the same for all.
pub(super) fn parts(all: &[&Times], count: u32) -> Vec<Vec<Part>> {
    let summaries: Vec<_> = all.iter().filter_map(|times| times.summary()).collect();
    let smallest = summaries.iter().map(|[minimum, ..]| *minimum).min().unwrap_or_default();
    let largest = summaries.iter().map(|[.., maximum]| *maximum).max().unwrap_or_default();
    let low = smallest.max(Duration::from_nanos(1)).as_secs_f64();
    // What is all alike has one part around it.
    let high = largest.as_secs_f64().max(low * 1.001);
    let bound = |index: u32| {
        let share = f64::from(index) / f64::from(count);
        Duration::from_secs_f64(low * (high / low).powf(share))
    };
    let part = |times: &Times, index: u32| {
        // The first and the last have all that rounding would leave out.
        let from = if index == 0 { Duration::ZERO } else { bound(index) };
        let to = if index + 1 == count { Duration::MAX } else { bound(index + 1) };
        Part { from: bound(index), to: bound(index + 1), count: times.between(from, to) }
    };
    all.iter().map(|times| (0..count).map(|index| part(times, index)).collect()).collect()
}

/// Draws bars of characters.
pub(super) fn draw(f: &mut dyn Write, times: &Times) -> io::Result<()> {
    const ROWS: u32 = 12;
    const WIDTH: u64 = 40;
    let parts = parts(&[times], ROWS).into_iter().next().unwrap_or_default();
    let most = parts.iter().map(|part| part.count).max().unwrap_or(0).max(1);
    for Part { from, count, .. } in parts {
        // Whatever is there is seen.
        let length = (count * WIDTH).div_ceil(most);
        let bar = "█".repeat(usize::try_from(length).unwrap_or(0));
        let from = units::time(from);
        writeln!(f, "  {FAINT}{from:>8} ┤{FAINT:#}{bar} {FAINT}{}{FAINT:#}", units::count(count))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: &[u64]) -> Times {
        let mut times = Times::new();
        for millisecond in milliseconds {
            times.add(Duration::from_millis(*millisecond));
        }
        times
    }

    #[test]
    fn every_call_is_in_one_part() {
        for values in [&[1, 2, 3, 50, 1000][..], &[7], &[7, 7, 7], &[0, 1]] {
            let times = times(values);
            let parts = parts(&[&times], 12).remove(0);
            let count: u64 = parts.iter().map(|part| part.count).sum();
            assert_eq!(count, times.count(), "{values:?}");
        }
    }

    #[test]
    fn several_share_a_scale() {
        let (one, two) = (times(&[1, 2]), times(&[3, 100]));
        let both = parts(&[&one, &two], 4);
        for (first, second) in both[0].iter().zip(&both[1]) {
            assert_eq!((first.from, first.to), (second.from, second.to));
        }
    }

    #[test]
    fn bars_show_the_shape() {
        let mut drawn = Vec::new();
        draw(&mut drawn, &times(&[1, 1, 1, 1, 10, 10, 100])).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&drawn).unwrap()).to_string();
        let length = |line: &str| line.chars().filter(|c| *c == '█').count();
        let lengths: Vec<_> = text.lines().map(length).filter(|length| *length > 0).collect();
        assert_eq!(lengths, [40, 20, 10], "{text}");
    }
}
