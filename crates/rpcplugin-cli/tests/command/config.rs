use rpcplugin::config::Setting;

use super::case::case;

const BAD: &str = "plugin_start_timeout: soon\nplugin_server_prot: 1\n";

#[test]
fn f_conf_14_show_says_what_is_set_and_by_whom() {
    case(|case| {
        assert!(case.run("config show", 0).stdout.contains("Every setting has its default"));
        case.write("one.yaml", "plugin_start_timeout: 10s\nplugin_server_port: 7\n");
        let mut command = case.command("config show --sources --config one.yaml");
        command.env("PLUGIN_START_TIMEOUT", "5");
        insta::assert_snapshot!(case.finish(command, 0).stdout, @r"
        PLUGIN_CONFIG_FILE    one.yaml
                              from the program
        plugin_server_port    7
                              from one.yaml:2:21
                              over 0 from the default
        plugin_start_timeout  5s
                              from variable PLUGIN_START_TIMEOUT
                              over 10s from one.yaml:1:23
                              over 60s from the default
        ");
    });
}

#[test]
fn f_conf_14_all_shows_every_setting_with_its_meaning() {
    case(|case| {
        let text = case.run("config show --all", 0).stdout;
        let json = case.json("config show --all", 0);
        let settings = json["settings"].as_array().unwrap();
        assert_eq!(settings.len(), Setting::ALL.len());
        for (setting, shown) in Setting::ALL.iter().zip(settings) {
            assert_eq!(shown["variable"], setting.variable());
            assert_eq!(shown["meaning"], setting.meaning());
            assert_eq!(shown["source"]["layer"], "default");
            assert!(text.contains(setting.meaning()), "{setting}");
        }
        assert_eq!(json["files"], serde_json::json!([]));
        assert_eq!(case.json("config show", 0)["settings"], serde_json::json!([]));
    });
}

#[test]
fn the_json_of_show_tells_every_source() {
    case(|case| {
        case.write(
            "one.toml",
            "plugin_start_timeout = 10\n[profile.slow]\nplugin_server_port = 7\n",
        );
        let mut command = case.command("config show --config one.toml --profile slow --json");
        command.env("PLUGIN_START_TIMEOUT", "5").env("PLUGIN_SERVER_PROT", "1");
        let done = case.finish(command, 0);
        assert_eq!(done.stderr, "", "warnings are part of the JSON");
        let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        insta::assert_snapshot!(format!("{json:#}"));
    });
}

#[test]
fn variables_that_are_probably_misspelt_are_warned_of() {
    case(|case| {
        let mut command = case.command("config show");
        command.env("PLUGIN_SERVER_PROT", "1");
        let stderr = case.finish(command, 0).stderr;
        assert!(stderr.contains("warning: variable PLUGIN_SERVER_PROT is not read"), "{stderr}");
    });
}

#[test]
fn f_conf_11_no_secret_is_printed() {
    case(|case| {
        case.write("one.yaml", "plugin_magic_cookie_value: hunter2\nplugin_server_port: x\n");
        case.write("two.yaml", "plugin_magic_cookie_value: hunter2\n");
        for (arguments, code) in [
            ("config show --all --sources", 0),
            ("config show --all --sources --json", 0),
            ("config show --all --sources --config two.yaml", 0),
            ("config show --config one.yaml", 1),
            ("config show --config one.yaml --json", 1),
            ("config check one.yaml", 1),
            ("config check one.yaml --json", 1),
            ("config init", 0),
        ] {
            let mut command = case.command(arguments);
            command.env("PLUGIN_MAGIC_COOKIE_VALUE", "hunter3");
            let done = case.finish(command, code);
            let all = done.stdout + &done.stderr;
            assert!(!all.contains("hunter"), "{arguments}: {all}");
        }
    });
}

#[test]
fn f_cli_8_a_valid_file_is_valid() {
    case(|case| {
        case.write("one.yaml", "plugin_start_timeout: 10s\n");
        assert_eq!(case.run("config check one.yaml", 0).stdout, "one.yaml: valid\n");
        let json = case.json("config check one.yaml", 0);
        assert_eq!((&json["valid"], &json["problems"]), (&true.into(), &serde_json::json!([])));
    });
}

#[test]
fn f_cli_8_everything_that_is_wrong_is_shown_in_its_place() {
    case(|case| {
        case.write("one.yaml", BAD);
        let done = case.run("config check one.yaml", 1);
        assert_eq!(done.stdout, "one.yaml: not valid\n");
        insta::assert_snapshot!(done.stderr);

        let json = case.json("config check one.yaml", 1);
        assert_eq!(json["valid"], false);
        let problems = json["problems"].as_array().unwrap();
        let found: Vec<_> = problems
            .iter()
            .map(|one| (one["code"].as_str(), one["place"]["line"].as_u64()))
            .collect();
        let expected = [(Some("CONFIG_INVALID"), Some(1)), (Some("CONFIG_UNKNOWN_KEY"), Some(2))];
        assert_eq!(found, expected);
    });
}

#[test]
fn a_profile_that_cannot_be_is_named() {
    case(|case| {
        let text = "plugin_host_min_port: 2000\nplugin_host_max_port: 3000\n\
                    profile:\n  fine:\n    plugin_host_min_port: 2500\n  \
                    odd:\n    plugin_host_min_port: 4000\n";
        case.write("one.yaml", text);
        let done = case.run("config check one.yaml", 1);
        assert_eq!(done.stdout, "one.yaml: not valid with the profile odd\n");
        assert_eq!(case.json("config check one.yaml", 1)["profile"], "odd");
        case.run("config check one.yaml --profile fine", 0);
        let stderr = case.run("config check one.yaml --profile none", 1).stderr;
        assert!(stderr.contains("CONFIG_UNKNOWN_PROFILE"), "{stderr}");
    });
}

#[test]
fn a_file_that_is_not_there_is_an_error_and_no_answer() {
    case(|case| {
        let done = case.run("config check none.yaml", 1);
        assert_eq!(done.stdout, "");
        assert!(done.stderr.starts_with("CONFIG_FILE_NOT_FOUND\n"), "{}", done.stderr);
        assert_eq!(case.json_error("config check none.yaml", 1)["code"], "CONFIG_FILE_NOT_FOUND");
        let error = case.json_error("config show --config none.yaml", 1);
        assert_eq!(error["code"], "CONFIG_FILE_NOT_FOUND");
    });
}
