//! What people get wrong, and what they read then: kind, code, message, place, hint.
//!
//! The answers stand in `snapshots/`; `INSTA_UPDATE=always cargo test` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test ends by it, in its helpers, too")]

use std::{fmt::Write as _, path::Path};

use miette::{GraphicalReportHandler, GraphicalTheme};
use rpcplugin_core::{Config, Error, config::ConfigBuilder};

/// All that a person and a machine see of it, with the directory's name taken out.
fn shown(error: &Error, directory: &Path) -> String {
    let mut text = format!("{} {}\n", error.kind(), error.code());
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    handler.with_width(300).render_report(&mut text, error).unwrap();
    let lines = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    lines.replace(&directory.display().to_string(), "DIR")
}

/// Each case with its answer, one after the other.
fn answers<'a, T: AsRef<[u8]> + 'a>(
    cases: impl IntoIterator<Item = (&'a str, T)>,
    build: impl Fn(&Path, &str, &[u8]) -> ConfigBuilder,
) -> String {
    let made = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for (name, content) in cases {
        let error = match build(made.path(), name, content.as_ref()).build() {
            Ok(config) => panic!("{name} is accepted: {config:?}"),
            Err(error) => error,
        };
        let told = format!("{error:?}");
        assert!(!told.contains("s3cret"), "{told}");
        writeln!(all, "=== {name}: {}", content.as_ref().escape_ascii()).unwrap();
        let text = shown(&error, made.path());
        assert!(!text.contains("s3cret"), "{text}");
        writeln!(all, "{text}\n").unwrap();
    }
    all
}

/// Compares with the snapshot that is named after the test.
#[track_caller]
fn told(name: &str, answers: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, answers));
}

fn file(directory: &Path, name: &str, content: &[u8]) -> ConfigBuilder {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    Config::builder().file(path)
}

#[test]
fn toml_files() {
    told(
        "toml_files",
        answers(
            [
                ("type.toml", "plugin_start_timeout = \"soon\""),
                ("range.toml", "# ours\nplugin_start_timeout = 0.01"),
                ("bool.toml", "plugin_insecure = \"maybe\""),
                ("unit.toml", "plugin_start_timeout = \"3 weeks\""),
                ("negative.toml", "plugin_start_timeout = -3"),
                ("infinite.toml", "plugin_start_timeout = inf"),
                ("fraction.toml", "plugin_stderr_tail_lines = 1.5"),
                ("date.toml", "plugin_start_timeout = 2026-01-01"),
                ("table.toml", "[plugin_start_timeout]\nseconds = 3"),
                ("list.toml", "plugin_start_timeout = [3]"),
                ("empty_list.toml", "plugin_client_transports = []"),
                ("twice.toml", "plugin_client_transports = [\"tcp\", \"tcp\"]"),
                ("transport.toml", "plugin_client_transports = \"unix,pipe\""),
                ("nested.toml", "plugin_client_transports = [[\"unix\"]]"),
                ("versions.toml", "plugin_host_protocol_versions = [1, 2147483648]"),
                ("no_versions.toml", "plugin_host_protocol_versions = \"\""),
                ("port.toml", "plugin_server_port = 65536"),
                ("ports.toml", "plugin_host_min_port = 9\nplugin_host_max_port = 8"),
                ("one-zero.toml", "plugin_host_min_port = 0\nplugin_host_max_port = 100"),
                ("size.toml", "plugin_grpc_max_send_message_size = \"64MB\""),
                ("mode.toml", "plugin_server_unix_socket_mode = 0o777"),
                ("relative.toml", "plugin_host_unix_socket_dir = \"run\""),
                ("host.toml", "plugin_server_host = \"example.com\""),
                ("word.toml", "plugin_cert_key_type = \"rsa\""),
                ("env.toml", "plugin_env_allow = [\"PLUGIN_CLIENT_CERT\"]"),
                ("cookie.toml", "plugin_magic_cookie_key = \"PLUGIN_MIN_PORT\""),
                ("secret.toml", "plugin_magic_cookie_value = \"s3cret\\u0007\"\nplugin_start = 1"),
                ("unknown.toml", "plugin_start_timeuot = 3"),
                ("misspelt.toml", "plugin_magic_cookie_valeu = \"s3cret\""),
                ("capital.toml", "PLUGIN_START_TIMEOUT = 3"),
                ("retired.toml", "plugin_buffer_size = 3"),
                ("handshake.toml", "plugin_protocol_versions = [1]\nplugin_min_port = 1"),
                ("later.toml", "plugin_config_file = \"other.toml\""),
                ("repeated.toml", "plugin_start_timeout = 3\nplugin_start_timeout = 4"),
                ("syntax.toml", "plugin_start_timeout = = 3\nplugin_insecure = tru"),
                ("syntax_secret.toml", "plugin_magic_cookie_value = \"s3cret"),
                ("profile.toml", "profile = \"mine\""),
                ("in_profile.toml", "[profile.mine]\nplugin_start_timeout = 0"),
                ("several.toml", "a = 1\nplugin_start_timeout = 0\n\nplugin_insecure = 3"),
            ],
            file,
        ),
    );
}

#[test]
fn yaml_files() {
    let bomb = "a: &a [x]\nb: &b [*a, *a]\nplugin_client_transports: [*b, *b]\n";
    let deep = format!("plugin_env_allow: {}", "[".repeat(200));
    told(
        "yaml_files",
        answers(
            [
                ("type.yaml", "plugin_start_timeout: soon"),
                ("unicode.yaml", "# äöü\nplugin_start_timeout: \"ü\" # ß"),
                ("null.yaml", "plugin_start_timeout:"),
                ("tilde.yaml", "plugin_magic_cookie_value: ~"),
                ("unknown.yaml", "plugin_start_timeout: 3\nplugin_hanshake_timeout: 3"),
                ("repeated.yaml", "plugin_start_timeout: 3\n\nplugin_start_timeout: 4"),
                ("list.yaml", "- plugin_start_timeout"),
                ("scalar.yaml", "plugin_start_timeout"),
                ("two.yaml", "plugin_start_timeout: 3\n---\nplugin_start_timeout: 4"),
                ("syntax.yml", "plugin_start_timeout: 3\n  plugin_insecure: true"),
                ("tabs.yaml", "profile:\n\tmine: 3"),
                ("open.yaml", "plugin_env_allow: [A, B"),
                ("bomb.yaml", bomb),
                ("anchor.yaml", "plugin_start_timeout: &three 3"),
                ("tag.yaml", "plugin_start_timeout: !!float 3"),
                ("merge.yaml", "<<: {plugin_start_timeout: 3}"),
                ("key.yaml", "[a]: 3"),
                ("deep.yaml", &deep),
                ("profile.yaml", "profile: {mine: 3}"),
                ("nul.yaml", "plugin_host_unix_socket_group: \"a\\0b\""),
                ("block.yaml", "plugin_server_host: |\n  a\n  b\n"),
            ],
            file,
        ),
    );
}

#[test]
fn json_files() {
    let deep = format!("{{\"plugin_env_allow\": {}", "[".repeat(200));
    told(
        "json_files",
        answers(
            [
                ("type.json", "{\n\t\"plugin_start_timeout\": \"soon\"\n}"),
                ("exponent.json", "{\"plugin_start_timeout\": 1e3}"),
                ("null.json", "{\"plugin_start_timeout\": null}"),
                ("object.json", "{\"plugin_start_timeout\": {\"seconds\": 3}}"),
                ("unknown.json", "{\"plugin_start_timeouts\": 3}"),
                ("repeated.json", "{\"plugin_insecure\": 0,\n \"plugin_insecure\": 1}"),
                ("comma.json", "{\n  \"plugin_insecure\": false,\n}"),
                ("comment.json", "{\n  // ours\n  \"plugin_insecure\": false\n}"),
                ("yaml.json", "plugin_insecure: false"),
                ("empty.json", ""),
                ("array.json", "[]"),
                ("escaped.json", "{\"plugin_server_host\": \"\\ud83d\\ude00\"}"),
                ("deep.json", &deep),
            ],
            file,
        ),
    );
}

// The system's own words differ elsewhere.
#[cfg(unix)]
#[test]
fn files_that_are_none() {
    let too_long = vec![b' '; 1024 * 1024 + 1];
    let made = answers(
        [
            ("no_extension", b"".as_slice()),
            ("unknown.ini", b"[plugin]"),
            ("latin1.toml", b"# \xfcber"),
            ("utf16.json", b"\xff\xfe{\0}\0"),
        ],
        file,
    );
    let long = answers([("long.yaml", "")], |directory, name, _| file(directory, name, &too_long));
    let other = answers([("missing.toml", ""), ("directory.toml", "")], |directory, name, _| {
        let path = directory.join(name);
        if name.starts_with("directory") {
            std::fs::create_dir(&path).unwrap();
        }
        Config::builder().environment([("PLUGIN_CONFIG_FILE", path)])
    });
    told("files_that_are_none", made + &long + &other);
}

/// Ends at once: opening a pipe that nobody writes to would wait.
#[cfg(target_os = "linux")]
#[test]
fn a_named_pipe_is_refused_without_waiting() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("pipe.toml");
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
    rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
    let error = Config::builder().file(path).build().unwrap_err();
    assert_eq!(error.code(), "CONFIG_FILE_NOT_FOUND");
    assert!(format!("{error:?}").contains("caused by: it is not a file"), "{error:?}");
}

#[cfg(unix)]
#[test]
fn variables() {
    told(
        "variables",
        answers(
            [
                ("PLUGIN_START_TIMEOUT", b"0.01".as_slice()),
                ("PLUGIN_START_TIMEOUT", b"-1"),
                ("PLUGIN_START_TIMEOUT", b"1e3"),
                ("PLUGIN_START_TIMEOUT", b"NaN"),
                ("PLUGIN_START_TIMEOUT", b"99999999999999999999999999s"),
                ("PLUGIN_GRPC_KEEPALIVE_TIME_MS", b"999"),
                ("PLUGIN_LIMIT_MEMORY_BYTES", b"99999999999TiB"),
                ("PLUGIN_LIMIT_OPEN_FILES", b"15"),
                ("PLUGIN_INSECURE", b"t"),
                ("PLUGIN_CLIENT_TRANSPORTS", b"[\"unix\""),
                ("PLUGIN_CLIENT_TRANSPORTS", b"unix,,tcp"),
                ("PLUGIN_CLIENT_TRANSPORTS", b"unix,tcp,unix"),
                ("PLUGIN_HOST_PROTOCOL_VERSIONS", b"1,1"),
                ("PLUGIN_HOST_PROTOCOL_VERSIONS", b"1,x"),
                ("PLUGIN_MAGIC_COOKIE_VALUE", b"s3cret\n"),
                ("PLUGIN_MAGIC_COOKIE_KEY", b"PLUGIN_START_TIMEOUT"),
                ("PLUGIN_LOG_LEVEL", b"\x1b[2Jloud"),
                ("PLUGIN_LOG_LEVEL", b"\xff"),
                ("PLUGIN_PROFILE", b"mine"),
                ("PLUGIN_AUTO_MTLS", b"no"),
                ("PLUGIN_CA_CERT", b"/nowhere/ca.pem"),
                ("PLUGIN_HOST_MIN_PORT", b"25001"),
            ],
            |_, name, value| {
                use std::os::unix::ffi::OsStringExt as _;
                let value = std::ffi::OsString::from_vec(value.to_vec());
                Config::builder().environment([(name, value)])
            },
        ),
    );
}

#[test]
fn layers_that_contradict_each_other() {
    told(
        "layers_that_contradict_each_other",
        answers(
            [
                ("weak.toml", "plugin_insecure = true"),
                ("weaker.yaml", "plugin_tls_min_version: 1.2"),
            ],
            |directory, name, content| {
                file(directory, name, content)
                    .set("plugin_server_require_tls", "true")
                    .set("plugin_tls_min_version", "1.3")
            },
        ),
    );
}
