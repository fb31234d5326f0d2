//! What each way to name files, profiles and demands does, and what no layer may lower.

use super::*;

#[test]
fn values_of_a_second_program_join_the_first() {
    let first = Values::new().start_timeout(Duration::from_secs(3)).tls_demanded("Tls::Custom");
    let builder = Config::builder().program(first).program(Values::new().host_min_port(10_001));
    let config = builder.clone().build().unwrap();
    assert_eq!(config.start_timeout(), Duration::from_secs(3));
    assert_eq!(config.host_min_port(), 10_001);
    let error = builder.environment([("PLUGIN_INSECURE", "true")]).build().unwrap_err();
    assert_eq!(error.code(), "SECURITY_CONFIG_CONFLICT");
}

#[test]
fn a_profile_among_values_is_overlaid_or_refused() {
    let build = |name: &str| Config::builder().program(Values::new().profile(name)).build();
    let config = build("go-plugin").unwrap();
    assert!(config.inherit_env());
    assert_eq!(config.profile(), Some("go-plugin"));
    assert_eq!(build("mine").unwrap_err().code(), "CONFIG_UNKNOWN_PROFILE");
}

#[cfg(feature = "config-files")]
#[test]
fn a_profile_whose_name_needs_escapes_is_known() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("one.json");
    // Invisible, and no control character.
    let name = "a\u{200f}b";
    let text = format!("{{\"profile\": {{\"{name}\": {{\"plugin_start_timeout\": 3}}}}}}");
    std::fs::write(&path, text).unwrap();
    let config = Config::builder().file(&path).profile(name).build().unwrap();
    assert_eq!(config.start_timeout(), Duration::from_secs(3));
    let error = Config::builder().file(&path).profile("c").build().unwrap_err();
    assert_eq!(error.hint(), "defined are a\\u{200f}b, go-plugin");
}

#[test]
fn paths_are_shown_with_escapes() {
    let name = "/none/\x1b[2J.toml";
    let error = Config::builder().file(name).build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains('\x1b'), "{error:?}");
    assert!(!Value::Paths(vec![name.into()]).to_string().contains('\x1b'));
}

#[cfg(feature = "config-files")]
#[test]
fn the_source_of_files_is_who_named_them() {
    let made = tempfile::tempdir().unwrap();
    let [one, two] = ["one.yaml", "two.yaml"].map(|name| made.path().join(name));
    for path in [&one, &two] {
        std::fs::write(path, "").unwrap();
    }
    let builder = Config::builder().file(&one).program(Values::new().files(vec![two.clone()]));
    let config = builder.clone().build().unwrap();
    assert_eq!(config.files(), [one.clone(), two.clone()]);
    assert_eq!(config.entry(Setting::Files).source, Source::Program);
    let config = builder.environment([("PLUGIN_CONFIG_FILE", &two)]).build().unwrap();
    assert_eq!(config.value(Setting::Files), Some(&vec![one, two.clone(), two].into()));
}

#[test]
fn files_among_values_are_read_before_the_program_goes_on() {
    let values = Values::new().files(vec!["/none.toml".into()]);
    let error = Config::builder().program(values.clone()).build().unwrap_err();
    let built = cfg!(feature = "config-files");
    let code = if built { "CONFIG_FILE_NOT_FOUND" } else { "CONFIG_NOT_BUILT" };
    assert_eq!(error.code(), code);
    // A configuration that is resolved reads no more files.
    let config = Config::builder().build().unwrap();
    assert_eq!(config.with_program(values).unwrap_err().code(), "CONFIG_INVALID");
    let error = config.with_program(Values::new().profile("go-plugin")).unwrap_err();
    assert_eq!(error.code(), "CONFIG_INVALID");
}
