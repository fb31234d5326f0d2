use super::{
    case::{Case, case},
    cert::made,
};

#[track_caller]
fn refused(case: &Case, arguments: &str, exit_code: i32, code: &str) {
    let stderr = case.run(arguments, exit_code).stderr;
    assert!(stderr.starts_with(&format!("{code}\n")), "{arguments}: {stderr}");
    assert!(stderr.contains("help: "), "{arguments}: {stderr}");
    assert_eq!(case.json_error(arguments, exit_code)["code"], code, "{arguments}");
}

#[test]
fn files_that_are_there_stay_without_force() {
    case(|case| {
        made(case);
        let files =
            ["ca.crt", "ca.key", "host.crt", "host.key"].map(|name| format!("certs/{name}"));
        let before = files.each_ref().map(|name| case.read(name));
        for command in ["ca", "issue host", "generate host"] {
            refused(case, &format!("cert {command} --dir certs"), 1, "CLI_FILE_EXISTS");
        }
        refused(case, "cert generate --cert new.crt --key certs/host.key", 1, "CLI_FILE_EXISTS");
        assert_eq!(before, files.each_ref().map(|name| case.read(name)));

        case.run("cert issue host --dir certs --force", 0);
        assert_ne!(before[3], case.read("certs/host.key"));
        assert_eq!(case.mode("certs/host.key"), 0o600);
    });
}

#[test]
fn keys_and_directories_that_others_can_enter_are_refused() {
    case(|case| {
        made(case);
        case.chmod("certs/ca.key", 0o640);
        refused(case, "cert issue host --dir certs --force", 1, "SECURITY_FILE_PERMISSIONS");
        case.chmod("certs/ca.key", 0o600);
        case.chmod("certs", 0o755);
        for command in ["ca --force", "rotate --force"] {
            let arguments = format!("cert {command} --dir certs");
            refused(case, &arguments, 1, "SECURITY_FILE_PERMISSIONS");
        }
    });
}

#[test]
fn f_tls_9_verify_says_why_not() {
    case(|case| {
        made(case);
        case.run("cert ca --cert other/ca.crt --key other/ca.key", 0);
        case.run("cert issue server --dir certs --usage server --force", 0);
        for (arguments, code) in [
            ("certs/host.crt --ca other/ca.crt", "SECURITY_CERT_UNTRUSTED"),
            ("certs/host.crt --dir certs --name kv.internal", "SECURITY_CERT_UNTRUSTED"),
            ("certs/server.crt --dir certs --usage client", "SECURITY_CERT_UNTRUSTED"),
            ("certs/host.crt --dir certs --key certs/ca.key", "SECURITY_CERT_INVALID"),
            ("certs/none.crt --dir certs", "SECURITY_CERT_INVALID"),
        ] {
            let done = case.run(&format!("cert verify {arguments}"), 1);
            assert!(done.stdout.ends_with(": not trusted\n"), "{arguments}: {}", done.stdout);
            assert!(done.stderr.starts_with(code), "{arguments}: {}", done.stderr);
            let json = case.json(&format!("cert verify {arguments}"), 1);
            assert_eq!(json["certificates"][0]["error"]["code"], code, "{arguments}");
        }
        case.run("cert verify certs/server.crt --dir certs --usage server", 0);
        // One that is not trusted makes the answer no.
        case.run("cert verify certs/host.crt certs/server.crt --dir certs", 1);
    });
}

#[test]
fn what_is_missing_is_said_and_nothing_is_made() {
    case(|case| {
        for command in ["show", "verify", "rotate", "issue host"] {
            refused(case, &format!("cert {command} --dir none"), 1, "CLI_FILE");
        }
        for command in ["show", "verify", "rotate", "ca", "issue host", "generate host"] {
            refused(case, &format!("cert {command}"), 2, "CLI_USAGE");
        }
        refused(case, "cert generate --dir certs", 2, "CLI_USAGE");
        case.write("text", "no certificate");
        refused(case, "cert show text", 1, "SECURITY_CERT_INVALID");
        refused(case, "cert show none.crt", 1, "CLI_FILE");
        let made: Vec<_> = std::fs::read_dir(case.path("")).unwrap().collect();
        assert_eq!(made.len(), 1, "{made:?}");
    });
}
