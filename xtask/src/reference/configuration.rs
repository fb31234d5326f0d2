use std::fmt::Write as _;

use rpcplugin_core::config::Setting;

use super::table::{code, table};

const INTRODUCTION: &str = "\
# Settings

<!-- Written by `cargo xtask reference` from crates/rpcplugin-core/src/config/table.rs. -->

A later layer wins: default, program, files in order, environment.
*File key* is how it stands in a file and in `ConfigBuilder::set`, *accessor* is its method of `Config` and of `Values`.
*Read by* tells which side uses it: the host that starts plugins, the plugin, or both, each its own.
A *reloadable* one may change while running.
The value of a *secret* one is shown nowhere, neither in errors nor in logs.

An empty default means that nothing is set; on Windows, the lists of transports are `tcp`.
A plugin's environment holds further variables, those of the handshake, which are no settings: its host sets them.
";

const HEAD: [&str; 10] = [
    "Variable",
    "File key",
    "Accessor",
    "Type",
    "Default",
    "Valid",
    "Meaning",
    "Read by",
    "Reloadable",
    "Secret",
];

/// The whole of `docs/reference/configuration.md`.
pub(super) fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut rest = Setting::ALL;
    while let Some(first) = rest.first() {
        let theme = first.theme();
        let end = rest.iter().position(|one| one.theme() != theme).unwrap_or(rest.len());
        let (of_theme, later) = rest.split_at(end);
        let rows = of_theme.iter().map(|&setting| row(setting));
        let _ = write!(page, "\n## {theme}\n\n{}", table(&HEAD, rows));
        rest = later;
    }
    page
}

fn row(setting: Setting) -> Vec<String> {
    let yes_or_no = |yes| if yes { "yes" } else { "no" }.to_owned();
    vec![
        code(setting.variable()),
        setting.key().as_deref().map(code).unwrap_or_default(),
        code(setting.accessor()),
        setting.form().name().to_owned(),
        default(setting),
        setting.form().expected().into_owned(),
        setting.meaning().to_owned(),
        setting.reader().to_string(),
        yes_or_no(setting.is_reloadable()),
        yes_or_no(setting.is_secret()),
    ]
}

fn default(setting: Setting) -> String {
    match setting {
        // The list of another platform may be shorter, and the page is one.
        Setting::ClientTransports | Setting::ServerTransports => code("unix,tcp"),
        _ => setting.default().map(|value| code(&value.to_string())).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_one_row() {
        let page = page();
        for setting in Setting::ALL {
            let rows = page
                .lines()
                .filter(|line| line.starts_with(&format!("| `{}` |", setting.variable())));
            assert_eq!(rows.count(), 1, "{setting}");
        }
    }

    #[test]
    fn a_row_tells_all_that_is_known_of_its_setting() {
        let cells = row(Setting::HandshakeTimeout);
        assert_eq!(cells.len(), HEAD.len());
        assert_eq!(
            cells[..3],
            ["`PLUGIN_HANDSHAKE_TIMEOUT`", "`plugin_handshake_timeout`", "`handshake_timeout`"]
        );
        assert_eq!(row(Setting::MagicCookieValue)[9], "yes");
    }
}
