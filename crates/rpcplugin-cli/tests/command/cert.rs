use super::case::{Case, case};

/// Makes a directory of certificates, and hands the output of all of it back.
pub(crate) fn made(case: &Case) -> String {
    ["ca", "issue host", "issue server"]
        .map(|command| {
            let done = case.run(&format!("cert {command} --dir certs"), 0);
            done.stdout + &done.stderr
        })
        .concat()
}

#[test]
fn f_cli_7_an_authority_issues_for_host_and_server() {
    case(|case| {
        made(case);
        let json = case.json("cert show --dir certs", 0);
        let subjects: Vec<_> = json["certificates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["file"].as_str().unwrap(), one["subject"].as_str().unwrap()))
            .collect();
        assert_eq!(
            subjects,
            [
                ("certs/ca.crt", "O=rpcplugin, CN=rpcplugin CA"),
                ("certs/host.crt", "O=rpcplugin, CN=rpcplugin host"),
                ("certs/server.crt", "O=rpcplugin, CN=rpcplugin server"),
            ]
        );
        let trusted = case.run("cert verify --dir certs", 0).stdout;
        assert_eq!(trusted, "certs/host.crt: trusted\ncerts/server.crt: trusted\n");
        let json = case.json("cert verify --dir certs --name localhost", 0);
        assert_eq!(json["certificates"][1]["trusted"], true);
    });
}

#[test]
fn f_tls_11_keys_are_for_their_user_alone_and_nowhere_else() {
    case(|case| {
        let said = made(case);
        assert_eq!(case.mode("certs"), 0o700);
        for name in ["ca", "host", "server"] {
            assert_eq!(case.mode(&format!("certs/{name}.key")), 0o600);
            let key = case.read(&format!("certs/{name}.key"));
            let secret = key.lines().nth(1).unwrap();
            assert!(!said.contains(secret));
            for arguments in ["cert show certs/ca.key", "cert verify certs/host.key --dir certs"] {
                let done = case.run(arguments, 1);
                assert!(!(done.stdout + &done.stderr).contains(secret));
            }
        }
        // No half-written file is left.
        assert_eq!(std::fs::read_dir(case.path("certs")).unwrap().count(), 6);
    });
}

#[test]
fn f_cli_7_a_certificate_is_as_it_was_asked_for() {
    case(|case| {
        case.run("cert ca --dir certs --common-name root --key-type p384 --path-length 1", 0);
        let json = case.json(
            "cert issue server --dir certs --common-name kv --organization acme --days 20 \
             --name kv.internal --name 192.0.2.7 --name uri:spiffe://acme/kv --usage server \
             --key-type ed25519",
            0,
        );
        let certificate = &json["certificate"];
        assert_eq!(certificate["subject"], "O=acme, CN=kv");
        assert_eq!(certificate["issuer"], "O=rpcplugin, CN=root");
        let names = ["dns:kv.internal", "ip:192.0.2.7", "uri:spiffe://acme/kv"];
        assert_eq!(certificate["names"], serde_json::json!(names));
        assert_eq!(certificate["usages"], serde_json::json!(["server"]));
        assert_eq!(
            (&certificate["key_type"], &certificate["key_bits"]),
            (&"Ed25519".into(), &256.into())
        );
        // A moment has passed, so the last day is not whole.
        assert_eq!(certificate["days_left"], 19);
        assert_eq!(json["key"], "certs/server.key");
    });
}

#[test]
fn settings_are_the_defaults() {
    case(|case| {
        let run = |arguments: &str, name: &str, value: &str| {
            let mut command = case.command(arguments);
            command.env("PLUGIN_MTLS_CERT_DIR", "certs").env(name, value);
            let stdout = case.finish(command, 0).stdout;
            serde_json::from_str::<serde_json::Value>(&stdout).unwrap()
        };
        let ca = run("cert ca --json", "PLUGIN_CERT_KEY_TYPE", "p384");
        assert_eq!(ca["certificate"]["key_type"], "P-384");
        let host = run("cert issue host --json", "PLUGIN_CERT_VALIDITY_DAYS", "90");
        assert_eq!(host["certificate"]["days_left"], 89);
        // What needs certificates must not keep them from being made.
        run("cert generate server --json", "PLUGIN_SERVER_CERT", "certs/server.crt");
        run("cert show --json", "PLUGIN_AUTO_MTLS", "false");
        let rotated = run("cert rotate --json", "PLUGIN_CERT_ROTATION_DAYS", "100");
        let renewed: Vec<_> =
            rotated["certificates"].as_array().unwrap().iter().map(|one| &one["renewed"]).collect();
        assert_eq!(renewed, [false, true, false]);
    });
}

#[test]
fn f_cli_7_a_pair_signs_itself() {
    case(|case| {
        case.run("cert generate --cert here/one.crt --key here/one.key --name kv", 0);
        assert_eq!((case.mode("here"), case.mode("here/one.key")), (0o700, 0o600));
        let json = case.json("cert show here/one.crt", 0);
        assert_eq!(json["certificates"][0]["subject"], json["certificates"][0]["issuer"]);
        case.run("cert verify here/one.crt --ca here/one.crt --key here/one.key --name kv", 0);
    });
}

#[test]
fn an_intermediate_authority_issues_chains() {
    case(|case| {
        case.run("cert ca --cert root/ca.crt --key root/ca.key --common-name root", 0);
        let parent = "--parent-cert root/ca.crt --parent-key root/ca.key";
        case.run(&format!("cert ca --dir certs --common-name below {parent}"), 0);
        case.run("cert issue host --dir certs", 0);
        let json = case.json("cert show certs/host.crt", 0);
        let issuers: Vec<_> =
            json["certificates"].as_array().unwrap().iter().map(|one| &one["issuer"]).collect();
        assert_eq!(issuers, ["O=rpcplugin, CN=below", "O=rpcplugin, CN=root"]);
        case.run("cert verify certs/host.crt --ca root/ca.crt", 0);
    });
}

#[test]
fn f_tls_10_show_reads_pem_and_der_and_stdin() {
    case(|case| {
        made(case);
        let shown = case.run("cert show certs/host.crt certs/ca.crt", 0).stdout;
        for part in [
            "certs/host.crt\nsubject:     O=rpcplugin, CN=rpcplugin host\n",
            "time left:   364 days\n",
        ] {
            assert!(shown.contains(part), "{shown}");
        }
        let mut command = case.command("cert show - --json");
        command.stdin(std::fs::File::open(case.path("certs/host.crt")).unwrap());
        let piped = case.finish(command, 0).stdout.replace("\"-\"", "\"certs/host.crt\"");
        assert_eq!(piped, case.run("cert show certs/host.crt --json", 0).stdout);

        let pem = case.read("certs/host.crt");
        let chain = rpcplugin::tls::Certificate::chain_from_pem(pem.as_bytes()).unwrap();
        std::fs::write(case.path("host.der"), chain[0].der()).unwrap();
        let json = case.json("cert show host.der", 0);
        let expected = chain[0].fingerprint().to_string();
        assert_eq!(json["certificates"][0]["fingerprint_sha256"], expected);
    });
}

#[test]
fn f_cli_7_within_exits_with_1_near_expiry() {
    case(|case| {
        made(case);
        case.run("cert issue host --dir certs --days 20 --force", 0);
        case.run("cert show --dir certs --within 19", 0);
        let shown = case.run("cert show --dir certs --within 20", 1).stdout;
        assert_eq!(shown.matches("ends soon").count(), 1, "{shown}");
        let json = case.json("cert show --dir certs --within 20", 1);
        let soon: Vec<_> =
            json["certificates"].as_array().unwrap().iter().map(|one| &one["ends_soon"]).collect();
        assert_eq!(soon, [false, true, false]);
    });
}
