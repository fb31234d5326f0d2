//! Certificates and keys that cannot work, given by settings: kind, code, message and hint, of
//! either side.
//!
//! The answers stand in `bad_certificates/`; `INSTA_UPDATE=always cargo test` writes them anew.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use miette::{GraphicalReportHandler, GraphicalTheme};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose};
use rpcplugin::{
    Client, Config, Error, PluginSet, Server,
    config::Setting,
    core::Address,
    server::ListenOn,
    tls::{AuthorityParams, CertAuthority, Identity, IdentityParams},
};
use rpcplugin_tests::{COOKIE, Fifo};

const UNKNOWN_CURVE: &str = include_str!("../../crates/rpcplugin-tls/src/tests/data/secp256k1.pem");
const SHORT_RSA: &str = include_str!("../../crates/rpcplugin-tls/src/tests/data/rsa1024.pem");

/// What an operator made, and what somebody made of it.
struct Papers {
    directory: PathBuf,
    identity: Identity,
    authority: CertAuthority,
}

/// Which of the three a side is given in another form.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Certificate,
    Key,
    Roots,
}

impl Papers {
    fn in_directory(directory: &Path) -> Self {
        let authority = CertAuthority::create(&AuthorityParams::new("operator")).unwrap();
        let identity = authority.issue(&IdentityParams::issued("kv")).unwrap();
        Self { directory: directory.to_owned(), identity, authority }
    }

    fn certificate(&self) -> String {
        self.identity.chain_pem()
    }

    fn key(&self) -> String {
        key_of(&self.identity)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    }

    /// What a side tells of each of them that it refuses.
    async fn answers(
        &self,
        settings: [Setting; 3],
        start: impl AsyncFn(Config) -> Error,
    ) -> (usize, String) {
        let mut all = String::new();
        let cases = self.cases();
        for (what, path) in &cases {
            let error = match self.settings(settings, (*what, path)) {
                Ok(config) => start(config).await,
                Err(error) => error,
            };
            let name = path.strip_prefix(&self.directory).unwrap().to_str().unwrap();
            let name = if name.is_empty() { "a directory" } else { name };
            writeln!(all, "=== {what:?}: {name}\n{}\n", self.shown(&error)).unwrap();
        }
        (cases.len(), all)
    }

    /// All that a person sees of it, with the directory's name taken out.
    fn shown(&self, error: &Error) -> String {
        let told = format!("{error:?} {}", error.to_json());
        let secret = self.key();
        let secret = secret.lines().nth(1).unwrap();
        assert!(!told.contains(secret), "{told}");
        let mut text = format!("{} {}\n", error.kind(), error.code());
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
        handler.with_width(300).render_report(&mut text, error).unwrap();
        assert!(!text.contains(secret), "{text}");
        let lines = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        let text = lines.replace(&self.directory.display().to_string(), "DIR");
        // The error of a file that was read tells its name or its variable, by who reads it.
        let (before, reason) = text.split_once("cannot be used: ").unwrap_or(("", &text));
        let bare = reason.split_once(": ").filter(|(place, _)| place.starts_with("DIR/"));
        match bare {
            Some((_, bare)) if !before.is_empty() => format!("{before}cannot be used: {bare}"),
            _ => text,
        }
    }

    /// Each file that is wrong, and in whose place.
    fn cases(&self) -> Vec<(What, PathBuf)> {
        use What::{Certificate, Key, Roots};
        let (certificate, key) = (self.certificate(), self.key());
        let other = self.authority.issue(&IdentityParams::issued("other")).unwrap();
        let cut = |text: &str| {
            let lines: Vec<_> = text.lines().collect();
            format!("{}\n{}\n{}\n", lines[0], &lines[1][..7], lines[lines.len() - 1])
        };
        let garbage =
            |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        let mut cases: Vec<_> = [
            (Key, "mismatched.key", key_of(&other)),
            (Certificate, "key_for_certificate.pem", key.clone()),
            (Key, "certificate_for_key.pem", certificate.clone()),
            (Key, "encrypted.key", garbage("ENCRYPTED PRIVATE KEY")),
            (Certificate, "empty.crt", String::new()),
            (Key, "empty.key", String::new()),
            (Roots, "empty_roots.crt", String::new()),
            (Certificate, "no_pem.crt", "not a certificate".to_owned()),
            (Certificate, "garbage.crt", garbage("CERTIFICATE")),
            (Key, "garbage.key", garbage("PRIVATE KEY")),
            (Roots, "garbage_roots.crt", garbage("CERTIFICATE")),
            (Certificate, "cut.crt", cut(&certificate)),
            (Key, "cut.key", cut(&key)),
            (Certificate, "unknown_curve.crt", UNKNOWN_CURVE.to_owned()),
            (Certificate, "short_rsa.crt", SHORT_RSA.to_owned()),
            (Roots, "leaf.crt", certificate.clone()),
            (Roots, "expired.crt", expired_authority()),
            (Certificate, "too_large.crt", " ".repeat(1024 * 1024 + 1)),
            (Key, "too_large.key", " ".repeat(1024 * 1024 + 1)),
        ]
        .into_iter()
        .map(|(what, name, text)| (what, self.write(name, &text)))
        .collect();
        for (what, name, mode) in
            [(Key, "readable.key", 0o644), (Key, "writable.key", 0o622), (Roots, "all.crt", 0o666)]
        {
            let text = if what == Key { key.clone() } else { self.authority.chain_pem() };
            let path = self.write(name, &text);
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            cases.push((what, path));
        }
        let pipe = Fifo::create(&self.directory, "pipe").unwrap();
        for what in [Certificate, Key, Roots] {
            cases.push((what, self.directory.join("missing.pem")));
            cases.push((what, self.directory.clone()));
            cases.push((what, pipe.path().into()));
        }
        cases
    }

    /// The settings of a side with one of the three replaced.
    fn settings(
        &self,
        [certificate, key, roots]: [Setting; 3],
        bad: (What, &Path),
    ) -> Result<Config, Error> {
        let all = [
            (certificate, What::Certificate, self.write("good.crt", &self.certificate())),
            (key, What::Key, self.write("good.key", &self.key())),
            (roots, What::Roots, self.write("good_roots.crt", &self.authority.chain_pem())),
        ];
        let variables = all.map(|(setting, what, good)| {
            (setting.variable(), if what == bad.0 { bad.1.to_owned() } else { good })
        });
        Config::builder().environment(variables).build()
    }
}

fn key_of(identity: &Identity) -> String {
    let pem = identity.to_secret_pem();
    let at = pem.expose().find("-----BEGIN PRIVATE").unwrap();
    pem.expose()[at..].to_owned()
}

/// An authority whose time was over in 2020.
fn expired_authority() -> String {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    rpcplugin::tls::Certificate::from_der(&der).unwrap().to_pem()
}

/// Compares with the snapshot of this name.
#[track_caller]
fn told(name: &str, answers: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join(SNAPSHOTS));
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, answers));
}

const SNAPSHOTS: &str = "tests/bad_certificates";

#[tokio::test]
async fn a_host_refuses_certificates_that_cannot_work() {
    let made = tempfile::tempdir().unwrap();
    let papers = Papers::in_directory(made.path());
    let settings = [Setting::HostCert, Setting::HostKey, Setting::ServerRootCerts];
    let (count, answers) = papers
        .answers(settings, async |config| {
            // Nobody listens on this port, and nobody is asked.
            let address = Address::Tcp(([127, 0, 0, 1], 1).into());
            Client::builder(COOKIE).config(config).connect(address).await.unwrap_err()
        })
        .await;
    assert!(count > 25, "{count}");
    assert!(!answers.contains("Transport TRANSPORT_"), "{answers}");
    told("host", &answers);
}

#[tokio::test]
async fn a_plugin_refuses_certificates_that_cannot_work() {
    let made = tempfile::tempdir().unwrap();
    let papers = Papers::in_directory(made.path());
    let settings = [Setting::ServerCert, Setting::ServerKey, Setting::ClientRootCerts];
    let (count, answers) = papers
        .answers(settings, async |config| {
            let server = Server::new(COOKIE).plugins(1, PluginSet::new()).config(config);
            // This machine does not have this address.
            let listen = ListenOn::Tcp(([192, 0, 2, 1], 0).into());
            server.standalone(listen).await.unwrap_err()
        })
        .await;
    assert!(count > 25, "{count}");
    assert!(!answers.contains("Transport TRANSPORT_"), "{answers}");
    told("plugin", &answers);
}

/// With those of `rpcplugin-core/tests/bad_configurations.rs`.
#[test]
fn at_least_sixty_wrong_inputs_have_a_snapshot() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for directory in [root.join(SNAPSHOTS), root.join("../crates/rpcplugin-core/tests/snapshots")] {
        for entry in fs::read_dir(directory).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            count += text.lines().filter(|line| line.starts_with("=== ")).count();
        }
    }
    eprintln!("{count} wrong files and variables, each with its answer");
    assert!(count >= 60, "{count}");
}
