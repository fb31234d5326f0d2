//! Projects of `rpcplugin new`; `cargo xtask new` builds them and runs their tests.

use std::{fmt::Write as _, fs, process::Command};

use super::{
    case::{Case, Done, case},
    terminal::{ESCAPE, on_a_terminal},
};

const PROTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/protos");

/// The command where there is no rustfmt: what it would do is not ours.
fn command(case: &Case, arguments: &str) -> Command {
    let mut command = case.command(&format!("new {arguments}"));
    command.env("PATH", "nowhere");
    command
}

#[track_caller]
fn new(case: &Case, arguments: &str, code: i32) -> Done {
    case.finish(command(case, arguments), code)
}

/// Checks that a command line is refused, with this code and text, and that nothing is written.
#[track_caller]
fn refused(case: &Case, arguments: &str, code: &str, text: &str) {
    let before = entries(case);
    let status = if code == "CLI_USAGE" { 2 } else { 1 };
    let stderr = new(case, arguments, status).stderr;
    assert!(stderr.contains(text), "{arguments}: {stderr}");
    let json = new(case, &format!("{arguments} --json"), status).stderr;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["error"]["code"], code, "{arguments}");
    assert_eq!(entries(case), before, "{arguments}");
}

fn entries(case: &Case) -> usize {
    fs::read_dir(case.path("")).unwrap().count()
}

#[test]
fn f_cli_9_it_tells_what_it_wrote_and_what_to_do_next() {
    case(|case| {
        let mut all = String::new();
        for arguments in [
            "plugin greeter",
            "host application --path ./there",
            "plugin in-python --lang python",
            "plugin in-go --lang go",
        ] {
            let done = new(case, arguments, 0);
            assert_eq!(done.stderr, "");
            let _ = writeln!(all, "$ rpcplugin new {arguments}\n{}", done.stdout);
        }
        insta::assert_snapshot!("new", all);
        for (place, name) in [("greeter", "greeter"), ("there", "application")] {
            let manifest = case.read(&format!("{place}/Cargo.toml"));
            assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{manifest}");
            assert!(manifest.contains("rpcplugin = { version = \"0.1\", "), "{manifest}");
        }
    });
}

#[test]
fn json_tells_the_same() {
    case(|case| {
        let done = new(case, "plugin greeter --json", 0);
        let mut json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let directory = json["directory"].take();
        assert_eq!(directory, case.path("greeter").to_str().unwrap());
        insta::assert_snapshot!("new_json", format!("{json:#}"));
    });
}

#[test]
fn hard_names_become_code_that_compiles_elsewhere() {
    case(|case| {
        let protos = format!(
            "--proto {PROTOS}/type/v1/match.proto --proto {PROTOS}/type/second.proto -I {PROTOS}"
        );
        new(case, &format!("plugin nasty {protos}"), 0);
        new(case, &format!("host nasty-host {protos}"), 0);
        let files = [
            "nasty/build.rs",
            "nasty/src/lib.rs",
            "nasty/src/services.rs",
            "nasty/src/services/idle.rs",
            "nasty/src/services/match_.rs",
            "nasty/tests/plugin.rs",
            "nasty-host/src/lib.rs",
        ];
        let text = files.map(|name| format!("=== {name}\n{}", case.read(name)));
        insta::assert_snapshot!("nasty", text.join("\n"));
        for name in ["type/v1/match", "type/second", "common/move", "common/plain", "common/ref"] {
            let original = fs::read_to_string(format!("{PROTOS}/{name}.proto")).unwrap();
            assert_eq!(case.read(&format!("nasty/proto/{name}.proto")), original);
        }
    });
}

#[test]
fn host_and_plugins_of_one_interface_share_the_cookie() {
    case(|case| {
        new(case, "plugin one", 0);
        new(case, "host two", 0);
        new(case, "plugin three --lang python", 0);
        new(case, "plugin four --lang go", 0);
        for name in ["one/src/lib.rs", "two/src/lib.rs", "three/plugin.py", "four/main.go"] {
            let text = case.read(name);
            assert!(text.contains("\"GREETER_PLUGIN_COOKIE\""), "{text}");
            assert!(text.contains("\"greeter.v1.Greeter\""), "{text}");
        }
        new(case, "plugin five --cookie MY_COOKIE=a7f3", 0);
        let text = case.read("five/src/lib.rs");
        assert!(text.contains("MagicCookie::new(\"MY_COOKIE\", \"a7f3\")"), "{text}");
        refused(case, "plugin six --cookie MY_COOKIE", "CLI_USAGE", "KEY=VALUE");
    });
}

#[test]
fn the_crate_of_a_clone_is_a_path() {
    case(|case| {
        fs::create_dir(case.path("clone")).unwrap();
        case.write("clone/Cargo.toml", "");
        new(case, "plugin one --rpcplugin clone", 0);
        let wanted = format!("rpcplugin = {{ path = \"{}\", ", case.path("clone").display());
        assert!(case.read("one/Cargo.toml").contains(&wanted));
        refused(case, "plugin two --rpcplugin nowhere", "CLI_USAGE", "there is no Cargo.toml in");
    });
}

#[test]
fn what_is_there_stays() {
    case(|case| {
        fs::create_dir(case.path("full")).unwrap();
        case.write("full/mine", "mine");
        refused(case, "plugin full", "CLI_NOT_EMPTY", "full is not empty");
        case.write("file", "mine");
        refused(case, "plugin file", "CLI_FILE", "cannot read file");
        refused(case, "plugin name --path file/below", "CLI_FILE", "cannot read file/below");
        assert_eq!((&*case.read("full/mine"), &*case.read("file")), ("mine", "mine"));
        fs::create_dir(case.path("empty")).unwrap();
        new(case, "plugin empty", 0);
    });
}

#[test]
fn names_and_languages_that_do_not_go_are_refused() {
    case(|case| {
        refused(case, "plugin fn", "CLI_USAGE", "the name fn is taken: it is a word of Rust");
        refused(case, "plugin ../up", "CLI_USAGE", "a name begins with a letter from a to z");
        refused(case, "plugin Greeter", "CLI_USAGE", "a name begins with a letter from a to z");
        refused(case, "host x --lang python", "CLI_USAGE", "there is no host in Python");
        let proto = format!("--proto {PROTOS}/common/move.proto -I {PROTOS}");
        refused(case, &format!("plugin x --lang go {proto}"), "CLI_USAGE", "does not take --proto");
        refused(case, "plugin x --lang go --rpcplugin .", "CLI_USAGE", "does not depend on");
        let proto = format!("--proto {PROTOS}/type/v1/match.proto -I {PROTOS}");
        refused(
            case,
            &format!("plugin x --lang python {proto}"),
            "CLI_USAGE",
            "type.async.v1.Match: yield is a word of Python",
        );
    });
}

#[test]
fn an_interface_that_does_not_compile_is_shown_with_its_place() {
    case(|case| {
        case.write(
            "bad.proto",
            "syntax = \"proto3\";\n\nservice Bad {\n  rpc Do(None) returns (Bad);\n}\n",
        );
        insta::assert_snapshot!("bad_proto", new(case, "plugin x --proto bad.proto", 1).stderr);
        let json = new(case, "plugin x --proto bad.proto --json", 1).stderr;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let place = serde_json::json!({ "file": "bad.proto", "line": 4, "column": 10 });
        assert_eq!(json["error"]["place"], place);

        refused(case, "plugin x --proto none.proto", "CLI_FILE", "cannot read none.proto");
        case.write("lost.proto", "syntax = \"proto3\";\nimport \"else/where.proto\";\n");
        refused(case, "plugin x --proto lost.proto", "CLI_PROTO", "with --include");
        case.write("text.proto", "this is no proto");
        refused(case, "plugin x --proto text.proto", "CLI_PROTO", "expected");
        case.write("data.proto", "syntax = \"proto3\";\nmessage Alone {}\n");
        refused(
            case,
            "plugin x --proto data.proto",
            "CLI_USAGE",
            "there is no service in data.proto",
        );
    });
}

#[test]
fn services_that_tonic_makes_no_code_of_are_refused() {
    case(|case| {
        let service = |name: &str, package: &str, methods: &str| {
            let text = format!(
                "syntax = \"proto3\"; {package} message M {{}} service {name} {{ {methods} }}"
            );
            case.write("one.proto", &text);
        };
        service("Maker", "", "rpc New(M) returns (M);");
        refused(case, "plugin x --proto one.proto", "CLI_USAGE", "Maker/New needs a Rust function");
        service("Twice", "", "rpc GetURL(M) returns (M); rpc GetUrl(M) returns (M);");
        refused(case, "plugin x --proto one.proto", "CLI_USAGE", "Twice/GetUrl needs a Rust");
        service("Health", "package grpc.health.v1;", "rpc Check(M) returns (M);");
        refused(case, "plugin x --proto one.proto", "CLI_USAGE", "every plugin serves grpc.health");
    });
}

#[test]
fn what_it_says_has_colours_on_a_terminal_alone() {
    case(|case| {
        let on = |name: &str| {
            let mut command = command(case, &format!("plugin {name}"));
            command.env("TERM", "xterm-256color");
            command
        };
        let shown = on_a_terminal(on("one"));
        assert!(shown.contains(ESCAPE) && shown.contains("cargo test"), "{shown}");
        let mut without = on("two");
        without.env("NO_COLOR", "1");
        let shown = on_a_terminal(without);
        assert!(!shown.contains(ESCAPE) && shown.contains("cargo test"), "{shown}");
        assert!(!case.finish(on("three"), 0).stdout.contains(ESCAPE));
    });
}
