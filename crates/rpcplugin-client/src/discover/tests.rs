use std::os::unix::fs::{PermissionsExt as _, symlink};

use rpcplugin_core::MagicCookie;

use super::*;
use crate::Client;

fn directory() -> tempfile::TempDir {
    let made = tempfile::tempdir().unwrap();
    set_mode(made.path(), 0o755);
    made
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn file(directory: &Path, name: &str, mode: u32, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    set_mode(&path, mode);
    path
}

fn names(discovery: &Discovery) -> Vec<&str> {
    discovery.found.iter().map(Found::name).collect()
}

fn rejected(discovery: &Discovery) -> Vec<(&str, &'static str)> {
    let name = |path: &'_ PathBuf| file_name(path).map(str::to_owned).unwrap().leak() as &str;
    discovery.rejected.iter().map(|one| (name(&one.path), one.error.code())).collect()
}

#[test]
fn executables_that_match_come_in_the_order_of_their_names() {
    let made = directory();
    for name in ["kv-b", "kv-a", "kv-c2", "other", ".kv-hidden"] {
        file(made.path(), name, 0o755, "");
    }
    fs::create_dir(made.path().join("kv-directory")).unwrap();
    symlink(made.path().join("other"), made.path().join("kv-link")).unwrap();
    let discovery = discover(made.path(), "kv-*").unwrap();
    assert_eq!(names(&discovery), ["kv-a", "kv-b", "kv-c2", "kv-link"]);
    assert!(discovery.rejected.is_empty(), "{:?}", discovery.rejected);
    assert_eq!(names(&discover(made.path(), "kv-?").unwrap()), ["kv-a", "kv-b"]);
    assert_eq!(names(&discover(made.path(), "*").unwrap()).len(), 5);
}

#[test]
fn what_cannot_be_trusted_or_run_is_reported_and_left_out() {
    let made = directory();
    file(made.path(), "a-good", 0o755, "");
    file(made.path(), "b-data", 0o644, "");
    file(made.path(), "c-all", 0o757, "");
    file(made.path(), "d-group", 0o775, "");
    symlink("/no/such/file", made.path().join("e-broken")).unwrap();
    symlink("/dev/null", made.path().join("f-device")).unwrap();
    file(made.path(), "g-manifest", 0o755, "");
    file(made.path(), "g-manifest.plugin.toml", 0o666, "");
    let discovery = discover(made.path(), "*").unwrap();
    assert_eq!(names(&discovery), ["a-good"]);
    let expected = [
        ("b-data", "HANDSHAKE_SPAWN_DENIED"),
        ("c-all", "SECURITY_FILE_PERMISSIONS"),
        ("d-group", "SECURITY_FILE_PERMISSIONS"),
        ("e-broken", "CONFIG_FILE_NOT_FOUND"),
        ("f-device", "HANDSHAKE_SPAWN_DENIED"),
        ("g-manifest", "SECURITY_FILE_PERMISSIONS"),
    ];
    assert_eq!(rejected(&discovery), expected);
}

#[test]
fn directories_that_cannot_be_trusted_or_read_and_odd_patterns_are_errors() {
    let made = directory();
    let code = |path: &Path, pattern: &str| discover(path, pattern).unwrap_err().code();
    for pattern in ["", "a/b", "../x", "[", "***"] {
        assert_eq!(code(made.path(), pattern), "CONFIG_INVALID", "{pattern:?}");
    }
    assert_eq!(code(&made.path().join("none"), "*"), "CONFIG_FILE_NOT_FOUND");
    let plain = file(made.path(), "plain", 0o644, "");
    assert_eq!(code(&plain, "*"), "CONFIG_FILE_NOT_FOUND");
    set_mode(made.path(), 0o777);
    assert_eq!(code(made.path(), "*"), "SECURITY_FILE_PERMISSIONS");
    // The files of others cannot be replaced here, and those that others add are theirs.
    set_mode(made.path(), 0o1777);
    assert!(discover(made.path(), "*").is_ok());
}

#[test]
fn a_directory_below_one_that_others_can_write_is_not_trusted() {
    let made = directory();
    let open = made.path().join("open");
    let plugins = open.join("plugins");
    fs::create_dir_all(&plugins).unwrap();
    set_mode(&plugins, 0o755);
    for (mode, is_trusted) in [(0o755, true), (0o777, false), (0o775, false), (0o1777, true)] {
        set_mode(&open, mode);
        match discover(&plugins, "*") {
            Ok(_) => assert!(is_trusted, "{mode:o}"),
            Err(error) => {
                assert!(!is_trusted, "{mode:o}: {error}");
                assert_eq!(error.code(), "SECURITY_FILE_PERMISSIONS");
                assert!(error.to_string().contains(open.to_str().unwrap()), "{error}");
            }
        }
    }
    // The way to it matters as well as where it leads.
    set_mode(&open, 0o777);
    let link = open.join("link");
    let good = made.path().join("good");
    fs::create_dir(&good).unwrap();
    set_mode(&good, 0o755);
    symlink(&good, &link).unwrap();
    assert_eq!(discover(&link, "*").unwrap_err().code(), "SECURITY_FILE_PERMISSIONS");
    assert!(discover(&good, "*").is_ok());
}

#[test]
fn a_directory_with_too_many_entries_is_not_said_to_be_complete() {
    let made = directory();
    for name in ["a", "b", "c"] {
        file(made.path(), name, 0o755, "");
    }
    let look = |most| {
        let discovery = list(made.path(), &compile("*").unwrap(), most).unwrap();
        (discovery.found.len(), discovery.is_complete)
    };
    assert_eq!(look(3), (3, true));
    assert_eq!(look(2), (2, false));
}

#[test]
fn links_that_others_made_choose_neither_program_nor_manifest() {
    let made = directory();
    set_mode(made.path(), 0o1777);
    for name in ["a", "b", "c"] {
        file(made.path(), name, 0o755, "");
    }
    let elsewhere = directory();
    let manifest = file(elsewhere.path(), "manifest", 0o644, "");
    symlink(manifest, made.path().join("c.plugin.toml")).unwrap();
    let planted = made.path().join("planted");
    symlink(made.path().join("a"), &planted).unwrap();
    let discovery = discover(made.path(), "*").unwrap();
    assert_eq!(names(&discovery), ["a", "b", "planted"]);
    assert_eq!(rejected(&discovery), [("c", "SECURITY_FILE_PERMISSIONS")]);
    // Only root can give a link away.
    if std::os::unix::fs::lchown(&planted, Some(12_345), None).is_ok() {
        let discovery = discover(made.path(), "*").unwrap();
        assert_eq!(names(&discovery), ["a", "b"]);
        let expected =
            [("c", "SECURITY_FILE_PERMISSIONS"), ("planted", "SECURITY_FILE_PERMISSIONS")];
        assert_eq!(rejected(&discovery), expected);
    }
}

#[test]
fn a_manifest_cannot_replace_the_digests_of_the_host() {
    let made = directory();
    file(made.path(), "kv", 0o755, "");
    file(made.path(), "kv.plugin.toml", 0o644, MANIFEST);
    let discovery = discover(made.path(), "kv").unwrap();
    let host = || Client::builder(MagicCookie::new("K", "v")).versions([2]);
    let digests = |builder| {
        let builder = discovery.found[0].builder(builder).unwrap();
        builder.options.integrity.digests.map(|digests| digests.to_string())
    };
    let pinned = "00".repeat(32);
    assert_eq!(digests(host().sha256([&pinned])), Some(pinned));
    let none: [&str; 0] = [];
    assert!(digests(host().sha256(none)).unwrap().contains("no digest was given"));
    assert!(digests(host()).unwrap().starts_with("9f86"));
}

const MANIFEST: &str = r#"
arguments = ["--store", "a b"]
versions = [2, 3]
sha256 = "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
[cookie]
key = "OTHER_COOKIE"
value = "secret-value"
"#;

#[test]
fn a_manifest_says_how_its_plugin_is_started() {
    let made = directory();
    file(made.path(), "kv", 0o755, "");
    file(made.path(), "kv.plugin.toml", 0o644, MANIFEST);
    let discovery = discover(made.path(), "kv*").unwrap();
    let [found] = discovery.found.as_slice() else { panic!("{discovery:?}") };
    assert!(discovery.rejected.is_empty(), "a manifest is no plugin");
    let command = found.command();
    assert!(command.as_std().get_args().eq(["--store", "a b"]));
    let manifest = found.manifest().unwrap();
    assert_eq!(manifest.sha256.len(), 1);
    assert_eq!(manifest.sha256[0][..2], [0x9f, 0x86]);
    assert!(!format!("{discovery:?}").contains("secret-value"));

    let host = || Client::builder(MagicCookie::new("K", "v"));
    let builder = found.builder(host().versions([1, 2])).unwrap();
    assert_eq!(builder.options.manifest_versions, Some(vec![2, 3]));
    let offered = crate::settings::versions(&builder.resolve().unwrap(), Some(&[2, 3])).unwrap();
    assert_eq!(offered.to_vec(), [2], "a manifest adds no version");
    assert_eq!(builder.cookie.key(), "OTHER_COOKIE");
    let error = found.builder(host().versions([7])).unwrap_err();
    assert_eq!(error.code(), "HANDSHAKE_VERSION_MISMATCH");
}

#[track_caller]
fn refused(text: &str, code: &str, message: &str) {
    let error = Manifest::parse(text, Path::new("/p/kv.plugin.toml")).unwrap_err();
    assert_eq!(error.code(), code);
    assert_eq!(error.to_string(), message);
}

#[test]
fn errors_name_file_and_key() {
    let known = "known are arguments, cookie, sha256, versions";
    let file = "/p/kv.plugin.toml";
    refused(
        "argument = []",
        "CONFIG_UNKNOWN_KEY",
        &format!("{file}: key \"argument\" is not known"),
    );
    refused(
        "cookie = { key = \"K\", value = \"v\", extra = 1 }",
        "CONFIG_UNKNOWN_KEY",
        &format!("{file}: key \"cookie.extra\" is not known"),
    );
    let error = Manifest::parse("x = 1", Path::new(file)).unwrap_err();
    assert!(error.hint().contains(known), "{}", error.hint());
    for (text, key, shown, expected) in [
        ("arguments = 7", "arguments", "7", "a list of texts without NUL"),
        (
            "versions = [-1]",
            "versions",
            "[-1]",
            "a list of versions from 0 to 2147483647, each once",
        ),
        (
            "versions = [1, 1]",
            "versions",
            "[1, 1]",
            "a list of versions from 0 to 2147483647, each once",
        ),
        ("sha256 = 1", "sha256", "1", "64 hexadecimal digits, or a list of such texts"),
        ("sha256 = []", "sha256", "[]", "64 hexadecimal digits, or a list of such texts"),
        ("cookie = {key = \"K\"}", "cookie", "[redacted]", "a table with the texts key and value"),
    ] {
        let message = format!("{file}: {key} cannot be {shown:?}: expected {expected}");
        refused(text, "CONFIG_INVALID", &message);
    }
    let error = Manifest::parse("versions = [1]\narguments = [", Path::new(file)).unwrap_err();
    assert_eq!(error.code(), "CONFIG_FILE_SYNTAX");
    assert!(error.to_string().starts_with(&format!("{file}:2:")), "{error}");
}

#[test]
fn a_manifest_is_read_within_bounds() {
    let made = directory();
    file(made.path(), "long", 0o755, "");
    file(made.path(), "long.plugin.toml", 0o644, &"#".repeat(64 * 1024 + 1));
    file(made.path(), "pipe", 0o755, "");
    let status = std::process::Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(made.path().join("pipe.plugin.toml"))
        .status();
    assert!(status.unwrap().success());
    file(made.path(), "text", 0o755, "");
    fs::write(made.path().join("text.plugin.toml"), [0xff]).unwrap();
    let discovery = discover(made.path(), "*").unwrap();
    let code = "CONFIG_FILE_NOT_FOUND";
    assert_eq!(rejected(&discovery), [("long", code), ("pipe", code), ("text", code)]);
}
