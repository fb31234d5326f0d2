use rpcplugin::{
    Config,
    config::{Setting, Source},
};

use super::case::{Case, case};

/// Checks that every setting of the file that has a default has it from there.
#[track_caller]
fn holds_the_defaults(case: &Case, name: &str) {
    case.run(&format!("config check {name}"), 0);
    let config = Config::builder().file(case.path(name)).build().unwrap();
    for setting in Setting::ALL.iter().filter(|one| **one != Setting::Files) {
        let is_there = setting.default().is_some() && setting.key().is_some();
        let from_file = matches!(config.entry(*setting).source, Source::File(_));
        assert_eq!(from_file, is_there, "{setting}");
        assert_eq!(config.value(*setting), setting.default().as_ref(), "{setting}");
    }
}

#[test]
fn a_new_file_changes_nothing_and_holds_every_setting() {
    case(|case| {
        for (name, empty) in [("one.yaml", ":"), ("one.yml", ":"), ("one.toml", " =")] {
            assert_eq!(
                case.run(&format!("config init {name}"), 0).stdout,
                format!("wrote {name}\n")
            );
            assert_eq!(
                case.run(&format!("config check {name}"), 0).stdout,
                format!("{name}: valid\n")
            );
            let config = Config::builder().file(case.path(name)).build().unwrap();
            let mut others = config.entries().filter(|entry| entry.setting != Setting::Files);
            assert!(others.all(|entry| entry.source == Source::Default));

            let text = case.read(name);
            for key in Setting::ALL.iter().filter_map(|setting| setting.key()) {
                assert!(text.contains(&format!("\n# {key}{empty}")), "{key}");
            }
            let live: String = text
                .lines()
                .filter_map(|line| line.strip_prefix("# "))
                .filter(|line| !line.ends_with(empty))
                .map(|line| format!("{line}\n"))
                .collect();
            let other = format!("live-{name}");
            case.write(&other, &live);
            holds_the_defaults(case, &other);
        }
    });
}

#[test]
fn a_new_file_of_json_holds_every_default() {
    case(|case| {
        case.run("config init one.json", 0);
        holds_the_defaults(case, "one.json");
    });
}

#[test]
fn without_a_file_it_goes_to_stdout() {
    case(|case| {
        case.run("config init one.toml", 0);
        assert_eq!(case.run("config init --format toml", 0).stdout, case.read("one.toml"));
        let json = case.json("config init --format toml", 0);
        assert_eq!(json["text"], case.read("one.toml"));
        assert_eq!(case.json("config init two.yaml", 0)["format"], "yaml");
    });
}

#[test]
fn a_file_that_is_there_stays() {
    case(|case| {
        case.write("one.yaml", "mine");
        let stderr = case.run("config init one.yaml", 1).stderr;
        assert!(stderr.starts_with("CLI_FILE_EXISTS\n"), "{stderr}");
        assert!(stderr.contains("help: --force replaces it"), "{stderr}");
        assert_eq!(case.read("one.yaml"), "mine");
        case.run("config init one.yaml --force", 0);
        case.run("config check one.yaml", 0);
        assert_eq!(case.json_error("config init none/one.yaml", 1)["code"], "CLI_FILE");
    });
}

#[test]
fn a_name_that_does_not_tell_its_format_is_wrong_usage() {
    case(|case| {
        for arguments in ["config init one.ini", "config init one.yaml --format json"] {
            assert_eq!(case.json_error(arguments, 2)["code"], "CLI_USAGE");
        }
    });
}
