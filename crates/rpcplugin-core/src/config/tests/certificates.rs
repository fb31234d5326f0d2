//! Certificates and keys: text, URL or path.

use std::path::Path;

use super::*;

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(path, mode).unwrap();
    }
    #[cfg(not(unix))]
    let _ = mode;
}

#[test]
fn text_url_and_path_are_the_same() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("with space.pem");
    write(&path, PEM, 0o600);
    let path = path.to_str().unwrap();
    let url = format!("file://{}", path.replace(' ', "%20"));
    let on_host = format!("file://localhost{path}");
    for given in [PEM, path, &url, &on_host] {
        let config = Config::builder()
            .set("plugin_server_cert", given)
            .environment([("PLUGIN_SERVER_KEY", given)])
            .build()
            .unwrap();
        assert_eq!(config.server_cert(), Some(PEM), "{given}");
        assert_eq!(config.server_key().unwrap().expose(), PEM);
        assert!(!format!("{config:?}").contains("server_key"), "{config:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("key.pem");
    write(&path, PEM, 0o640);
    let values = Values::new().host_cert(PEM).host_key(path.to_str().unwrap().into());
    let error = Config::builder().program(values).build().unwrap_err();
    assert_eq!(error.code(), "SECURITY_FILE_PERMISSIONS");
    assert!(error.to_string().ends_with("mode 0640, not 0600"), "{error}");
}

#[cfg(unix)]
#[test]
fn roots_that_everybody_can_write_are_refused() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("ca.pem");
    for variable in ["PLUGIN_CA_CERT", "PLUGIN_SERVER_ROOT_CERTS", "PLUGIN_CLIENT_ROOT_CERTS"] {
        let load = || Config::builder().environment([(variable, &path)]).build();
        write(&path, PEM, 0o644);
        load().unwrap();
        write(&path, PEM, 0o666);
        assert_eq!(load().unwrap_err().code(), "SECURITY_FILE_PERMISSIONS");
    }
}

#[test]
fn a_certificate_that_cannot_be_read_is_told_with_who_named_it() {
    let error = Config::builder().environment([("PLUGIN_CA_CERT", "/none")]).build().unwrap_err();
    assert_eq!(error.code(), "CONFIG_FILE_NOT_FOUND");
    assert_eq!(error.to_string(), "/none cannot be read, named by variable PLUGIN_CA_CERT");
    // What was meant as a key, and is neither text nor a path, may still be one.
    let values = Values::new().host_cert(PEM).host_key("c2VjcmV0".into());
    let error = Config::builder().program(values).build().unwrap_err();
    assert_eq!(error.to_string(), "[redacted] cannot be read, named by the program");
    assert!(!format!("{error:?} {error:#?}").contains("c2Vj"), "{error:?}");
}

#[test]
fn a_certificate_that_another_layer_replaces_is_not_read() {
    let builder = Config::builder().set("plugin_ca_cert", "/none");
    let config = builder.environment([("PLUGIN_CA_CERT", PEM)]).build().unwrap();
    assert_eq!(config.ca_cert(), Some(PEM));
}

#[track_caller]
fn hides(values: Values, secret: &str) -> Error {
    let error = Config::builder().program(values).build().unwrap_err();
    let shown = format!("{error} {error:?} {error:#?} {}", error.to_json());
    assert!(!shown.contains(secret), "{shown}");
    error
}

#[test]
fn a_key_that_is_no_path_is_not_shown_whatever_opening_it_says() {
    let long = "c2VjcmV0".repeat(64);
    let nul = "c2VjcmV0\0";
    for key in ["c2VjcmV0", &long, nul, r#"{"kty":"EC","d":"c2VjcmV0"}"#, "c2VjcmV0/x"] {
        let secret = "c2Vj";
        hides(Values::new().host_cert(PEM).host_key(key.into()), secret);
        // One that was swapped with its certificate.
        if key.len() > 255 {
            hides(Values::new().host_cert(key).host_key(PEM.into()), secret);
        }
    }
}

#[test]
fn a_url_of_a_file_names_this_machine_and_an_absolute_path() {
    for url in
        ["file://etc/ca.crt", "file://localhostile/x", "file:///a%+1", "file:///a%", "file://"]
    {
        let error = Config::builder().set("plugin_ca_cert", url).build().unwrap_err();
        assert_eq!(error.code(), "CONFIG_FILE_NOT_FOUND", "{url}");
        let text = format!("{error:?}");
        assert!(text.contains("it is not the URL of a file of this machine"), "{url}: {text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_url_may_hold_bytes_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let made = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"\xff.pem");
    write(&made.path().join(name), PEM, 0o600);
    let url = format!("file://{}/%FF.pem", made.path().display());
    let config = Config::builder().set("plugin_ca_cert", url).build().unwrap();
    assert_eq!(config.ca_cert(), Some(PEM));
}

#[test]
fn a_cookie_is_read_from_the_url_of_a_file() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("cookie");
    let url = format!("file://{}", path.display());
    let build = || Config::builder().environment([("PLUGIN_MAGIC_COOKIE_VALUE", &url)]).build();
    for text in ["s3cret", "s3cret\n", "s3cret\r\n"] {
        write(&path, text, 0o600);
        let config = build().unwrap();
        assert_eq!(config.magic_cookie_value().unwrap().expose(), "s3cret");
    }
    for text in ["", "\n", "s3cret\n\n"] {
        write(&path, text, 0o600);
        let error = build().unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        assert_eq!(error.code(), "CONFIG_COOKIE");
    }
    // A path is a text, which a cookie may be.
    let plain = Config::builder().set("plugin_magic_cookie_value", "/run/c").build().unwrap();
    assert_eq!(plain.magic_cookie_value().unwrap().expose(), "/run/c");
    #[cfg(unix)]
    {
        write(&path, "s3cret", 0o644);
        assert_eq!(build().unwrap_err().code(), "SECURITY_FILE_PERMISSIONS");
    }
}

#[test]
fn a_key_beside_its_certificate_is_shown_nowhere() {
    let secret = format!("{PEM}-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n");
    let values = Values::new().host_cert(&secret).server_cert(&secret);
    let told = format!("{values:?} {:?} {}", Value::from(&*secret), Value::from(&*secret));
    assert!(!told.contains("czNj"), "{told}");
    let builder = Config::builder().program(values).set("plugin_ca_cert", &*secret);
    let told = format!("{builder:?}");
    assert!(!told.contains("czNj"), "{told}");
    // Their keys are missing, and a setting of the same layer cannot be.
    let error = builder.clone().build().unwrap_err();
    let other = builder.set("plugin_insecure", "x").build().unwrap_err();
    for error in [error, other] {
        let told = format!("{error} {error:?} {error:#?} {}", error.to_json());
        assert!(!told.contains("czNj"), "{told}");
    }
    let config = Config::builder().set("plugin_ca_cert", &*secret);
    let config = config.environment([("PLUGIN_CA_CERT", PEM)]).build().unwrap();
    let told = format!("{config:?} {:?}", config.source("plugin_ca_cert"));
    assert!(told.contains("PEM text") && !told.contains("czNj"), "{told}");
}
