//! `docs/reference/configuration.md` says what the table of settings says.
//!
//! `WRITE_REFERENCE=1 cargo test -p rpcplugin-core --test reference` writes it anew.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::fmt::Write as _;

use rpcplugin_core::config::Setting;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md");

fn page() -> String {
    let mut page = "# Settings\n\n\
        Written from the table in `rpcplugin-core`: `config/table.rs`. A test compares the two.\n\n\
        A later layer wins: default, program, files in order, environment.\n\
        The variable is read from the environment, the key in files and by `set`, the accessor is \
        a method of `Config` and of `Values`. ↻ marks what may change while running.\n"
        .to_owned();
    let mut theme = "";
    for &setting in Setting::ALL {
        if setting.theme() != theme {
            theme = setting.theme();
            write!(page, "\n## {theme}\n\n").unwrap();
            page += "| Variable | Key | Accessor | Type | Default | Valid | Meaning | Read by |\n";
            page += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
        }
        let mark = if setting.is_reloadable() { " ↻" } else { "" };
        let code = |text: String| format!("`{text}`");
        let key = setting.key().map_or_else(|| "–".to_owned(), code);
        // The other platform's list is shorter, and the page is one.
        let default = match setting {
            Setting::ClientTransports | Setting::ServerTransports => Some("unix,tcp".to_owned()),
            _ => setting.default().map(|value| value.to_string()),
        };
        let default = default.map_or_else(|| "none".to_owned(), code);
        let (name, accessor, form) = (setting.variable(), setting.accessor(), setting.form());
        let (kind, valid, meaning) = (form.name(), form.expected(), setting.meaning());
        let reader = setting.reader();
        writeln!(
            page,
            "| `{name}`{mark} | {key} | `{accessor}` | {kind} | {default} | {valid} | {meaning} | {reader} |"
        )
        .unwrap();
    }
    page
}

#[test]
fn the_documents_list_every_setting_as_it_is() {
    let fresh = page();
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        std::fs::write(PAGE, &fresh).unwrap();
    }
    assert_eq!(std::fs::read_to_string(PAGE).unwrap(), fresh);
}
