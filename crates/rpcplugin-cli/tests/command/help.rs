//! What follows from the definitions: help, manual pages, completions.

use std::fmt::Write as _;

use super::case::case;

const COMMANDS: &[&str] = &[
    "",
    "inspect",
    "call",
    "health",
    "logs",
    "check",
    "bench",
    "shell",
    "cert",
    "cert ca",
    "cert generate",
    "cert issue",
    "cert rotate",
    "cert show",
    "cert verify",
    "config",
    "config check",
    "config init",
    "config show",
    "new",
    "completions",
    "man",
];

#[test]
fn every_command_has_help() {
    case(|case| {
        let mut all = String::new();
        for command in COMMANDS {
            let done = case.run(&format!("{command} --help"), 0);
            assert_eq!(done.stderr, "");
            let _ = writeln!(all, "$ rpcplugin {command} --help\n{}", done.stdout);
        }
        insta::assert_snapshot!("help", all);
    });
}

#[test]
fn f_cli_10_every_command_has_a_manual_page() {
    case(|case| {
        let done = case.run("man pages", 0);
        for command in COMMANDS {
            let name = ["rpcplugin", command].join(" ").trim().replace(' ', "-");
            assert!(done.stdout.contains(&format!("wrote pages/{name}.1\n")), "{}", done.stdout);
            let page = case.read(&format!("pages/{name}.1"));
            assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        }
        assert_eq!(done.stdout.lines().count(), COMMANDS.len());
        assert_eq!(case.run("man", 0).stdout, case.read("pages/rpcplugin.1"));
        let files = case.json("man pages", 0)["files"].as_array().unwrap().len();
        assert_eq!(files, COMMANDS.len());
    });
}

#[test]
fn f_cli_10_every_shell_gets_completions() {
    case(|case| {
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = case.run(&format!("completions {shell}"), 0).stdout;
            for word in ["rpcplugin", "rotate", "sources", "within"] {
                assert!(script.contains(word), "{shell} lacks {word}");
            }
            let json = case.json(&format!("completions {shell}"), 0);
            assert_eq!(json["script"], script);
        }
    });
}

#[test]
fn a_bash_script_completes_in_bash() {
    case(|case| {
        case.write("script", &case.run("completions bash", 0).stdout);
        let ask = "source ./script; COMP_WORDS=(rpcplugin cert ''); COMP_CWORD=2; \
                   _rpcplugin rpcplugin '' cert; echo ${COMPREPLY[@]}";
        let output = std::process::Command::new("bash")
            .args(["--norc", "-c", ask])
            .current_dir(case.path(""))
            .output();
        // There are systems without it.
        let Ok(output) = output else {
            return rpcplugin_tests::not_tested("completion in bash", "no bash here");
        };
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(words.contains("ca generate issue rotate show verify"), "{words}");
    });
}

#[test]
fn wrong_usage_exits_with_2() {
    case(|case| {
        for arguments in
            ["", "nothing", "cert", "config check", "cert show --within x", "cert ca --key k"]
        {
            let done = case.run(arguments, 2);
            assert_eq!(done.stdout, "");
            assert!(done.stderr.contains("--help"), "{arguments}: {}", done.stderr);
        }
        let error = case.json_error("config check one.yaml --nothing", 2);
        assert_eq!(error["code"], "CLI_USAGE");
        assert_eq!(error["message"], "unexpected argument '--nothing' found");
    });
}
