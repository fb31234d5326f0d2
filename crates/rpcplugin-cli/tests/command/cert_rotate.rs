use rpcplugin::tls::CertDirectory;

use super::{
    case::{Case, case},
    cert::made,
};

const FILES: [&str; 6] = ["ca.crt", "ca.key", "host.crt", "host.key", "server.crt", "server.key"];

fn contents(case: &Case) -> [String; 6] {
    FILES.map(|name| case.read(&format!("certs/{name}")))
}

#[test]
fn what_is_not_due_is_kept() {
    case(|case| {
        made(case);
        let before = contents(case);
        let said = case.run("cert rotate --dir certs", 0).stdout;
        assert_eq!(said.matches(": kept, ").count(), 3, "{said}");
        assert_eq!(before, contents(case));
    });
}

#[test]
fn f_tls_12_what_is_due_is_renewed_alike() {
    case(|case| {
        made(case);
        case.run("cert issue server --dir certs --days 20 --name kv --usage server --force", 0);
        let before = contents(case);
        let json = case.json("cert rotate --dir certs", 0);
        let renewed: Vec<_> = json["certificates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["name"].as_str().unwrap(), one["renewed"].as_bool().unwrap()))
            .collect();
        assert_eq!(renewed, [("ca", false), ("host", false), ("server", true)]);
        let after = contents(case);
        assert_eq!(before[..4], after[..4]);
        assert_ne!(before[5], after[5], "a new certificate has a new key");
        assert_eq!(case.mode("certs/server.key"), 0o600);

        let server = &json["certificates"][2]["certificate"];
        assert_eq!(server["names"], serde_json::json!(["dns:kv"]));
        assert_eq!(server["usages"], serde_json::json!(["server"]));
        assert_eq!(server["days_left"], 364);
    });
}

#[test]
fn f_tls_12_a_new_root_is_trusted_beside_the_old_one() {
    case(|case| {
        made(case);
        std::fs::create_dir(case.path("old")).unwrap();
        for name in ["ca.crt", "host.crt"] {
            case.write(&format!("old/{name}"), &case.read(&format!("certs/{name}")));
        }
        let before = contents(case);
        let said = case.run("cert rotate --dir certs --force --ca", 0).stdout;
        assert_eq!(said.matches(": renewed, ").count(), 3, "{said}");
        assert!(before.iter().zip(contents(case)).all(|(before, after)| *before != after));

        // A peer that has the new root trusts old and new; one that has the old root, the old.
        case.run("cert verify certs/host.crt old/host.crt --dir certs", 0);
        case.run("cert verify old/host.crt --ca old/ca.crt", 0);
        case.run("cert verify certs/host.crt --ca old/ca.crt", 1);

        // Hosts and plugins read the same.
        let directory = CertDirectory::new(case.path("certs")).unwrap();
        assert_eq!(directory.roots().unwrap().count(), 2);
        directory.host().unwrap();
        directory.server().unwrap();
        // The next one ends the overlap.
        case.run("cert rotate --dir certs --force --ca", 0);
        assert_eq!(directory.roots().unwrap().count(), 2);
        case.run("cert verify old/host.crt --dir certs", 1);
    });
}

#[test]
fn a_root_that_is_due_takes_what_it_issued_along() {
    case(|case| {
        case.run("cert ca --dir certs --days 10", 0);
        case.run("cert issue host --dir certs", 0);
        case.run("cert rotate --dir certs", 0);
        case.run("cert verify --dir certs", 0);
        // The root from before stays beside its successor, and its end concerns nobody.
        let shown = case.json("cert show --dir certs --within 30", 0);
        let superseded = |index: usize| shown["certificates"][index]["superseded"] == true;
        assert_eq!([0, 1, 2].map(superseded), [false, true, false], "{shown}");
        let json = case.json("cert show certs/host.crt", 0);
        assert_eq!(json["certificates"][0]["days_left"], 364);
    });
}

#[test]
fn an_intermediate_authority_that_is_due_is_for_the_one_above_it() {
    case(|case| {
        case.run("cert ca --cert root/ca.crt --key root/ca.key", 0);
        let parent = "--parent-cert root/ca.crt --parent-key root/ca.key";
        case.run(&format!("cert ca --dir certs --days 10 {parent} --common-name below"), 0);
        let error = case.json_error("cert rotate --dir certs", 1);
        assert!(error["message"].as_str().unwrap().contains("renewed by the one above it"));
    });
}
