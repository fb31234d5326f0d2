//! The latencies as a picture: a curve for each program, on one scale of powers.

use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{plot, results::Results, stats::Times, units};
use crate::failure::Failure;

/// Where a picture goes.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    force: bool,
}

impl File {
    /// Refuses one that is there before anything is measured.
    pub(super) fn new(path: PathBuf, force: bool) -> Result<Self, Failure> {
        if path.extension().is_none_or(|extension| extension != "svg") {
            let message = format!("{} does not end in .svg", path.display());
            return Err(Failure::usage(message, "the picture is an SVG, and no other kind"));
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(Failure::Exists(path));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        if let Some(folder) = folder {
            std::fs::metadata(folder).map_err(Failure::writing(&path))?;
        }
        Ok(Self { path, force })
    }

    pub(super) fn write(&self, results: &Results) -> Result<(), Failure> {
        let mut options = OpenOptions::new();
        options.write(true);
        match self.force {
            true => options.create(true).truncate(true),
            false => options.create_new(true),
        };
        let mut file = options.open(&self.path).map_err(Failure::writing(&self.path))?;
        file.write_all(draw(results).as_bytes()).map_err(Failure::writing(&self.path))
    }
}

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 400.0;
/// Around the curves.
const MARGIN: f64 = 60.0;
/// Told apart by people who see no red or green, too.
const COLOURS: [&str; 2] = ["#0072b2", "#d55e00"];

fn draw(results: &Results) -> String {
    const PARTS: u32 = 80;
    let measured: Vec<_> = results
        .programs
        .iter()
        .filter_map(|program| Some((&*program.name, &program.calls.as_ref()?.calls.latency)))
        .filter(|(_, latency)| latency.count() > 0)
        .collect();
    let times: Vec<&Times> = measured.iter().map(|(_, latency)| *latency).collect();
    let all = plot::parts(&times, PARTS);
    let most = all.iter().zip(&times).flat_map(|(parts, times)| {
        parts.iter().map(|part| part.count as f64 / times.count() as f64)
    });
    let most = most.fold(f64::MIN_POSITIVE, f64::max);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    let method = results.method();
    let _ =
        writeln!(svg, "<text x=\"{MARGIN}\" y=\"24\" font-size=\"16\">{}</text>", escape(method));
    let bottom = HEIGHT - MARGIN;
    let right = WIDTH - MARGIN;
    let _ =
        writeln!(svg, "<path d=\"M{MARGIN} {bottom}H{right}\" stroke=\"black\" fill=\"none\"/>");
    let x = |index: usize| MARGIN + (right - MARGIN) * index as f64 / f64::from(PARTS);
    if let Some(parts) = all.first() {
        for (index, part) in parts.iter().enumerate().step_by(16) {
            tick(&mut svg, x(index), &units::time(part.from));
        }
        if let Some(last) = parts.last() {
            tick(&mut svg, right, &units::time(last.to));
        }
    }
    for (number, ((name, times), parts)) in measured.iter().zip(&all).enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let mut path = format!("M{MARGIN} {bottom}");
        for (index, part) in parts.iter().enumerate() {
            let share = part.count as f64 / times.count() as f64 / most;
            let _ = write!(path, "V{:.1}H{:.1}", bottom - (bottom - MARGIN) * share, x(index + 1));
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}V{bottom}Z\" fill=\"{colour}\" fill-opacity=\"0.3\" stroke=\"{colour}\"/>"
        );
        let median = times.median().map(units::time).unwrap_or_default();
        let _ = writeln!(
            svg,
            "<text x=\"{right}\" y=\"{}\" text-anchor=\"end\" fill=\"{colour}\">{}: median {median}</text>",
            24 + 18 * number,
            escape(name),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A mark on the scale.
fn tick(svg: &mut String, x: f64, text: &str) {
    let bottom = HEIGHT - MARGIN;
    let _ = writeln!(
        svg,
        "<path d=\"M{x:.1} {bottom}v5\" stroke=\"black\"/>\
         <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
        bottom + 22.0
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
