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
