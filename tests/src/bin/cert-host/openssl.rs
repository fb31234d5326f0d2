//! Certificates that OpenSSL makes, and its answers.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// One kind of key, and what makes one for `openssl req -newkey`.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    key: &'static [&'static str],
}

const P256: Kind = Kind { name: "P-256", key: &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] };

pub(crate) const KINDS: [Kind; 5] = [
    P256,
    Kind { name: "P-384", key: &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"] },
    Kind { name: "P-521", key: &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"] },
    Kind { name: "RSA", key: &["rsa:2048"] },
    Kind { name: "Ed25519", key: &["ed25519"] },
];

/// What is wrong with a certificate that we must refuse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    Expired,
    Usage,
    Name,
    Revoked,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [Self::Expired, Self::Usage, Self::Name, Self::Revoked];

    /// The name of its check.
    pub(crate) fn check(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Usage => "wrong_usage",
            Self::Name => "wrong_name",
            Self::Revoked => "revoked",
        }
    }
}

/// The program, and a directory for what it makes.
pub(crate) struct Openssl {
    pub(crate) program: PathBuf,
    pub(crate) dir: PathBuf,
}

impl Openssl {
    /// Has OpenSSL make a root, and certificates for `peer`, which uses them with OpenSSL, and for
    /// `ours`. The two are `plugin` and `host`, or the other way round.
    pub(crate) async fn issue(
        &self,
        kind: &Kind,
        (peer, ours): (&str, &str),
        fault: Option<Fault>,
    ) -> Result<PathBuf> {
        let dir = self.dir.join(format!("{}-{}", kind.name, fault.map_or("good", Fault::check)));
        fs::create_dir_all(&dir)?;
        for (name, text) in
            [("openssl.cnf", CONFIGURATION), ("index.txt", ""), ("serial", "1000"), ("crl", "01")]
        {
            fs::write(dir.join(name), text)?;
        }
        let root = ["-x509", "-extensions", "root", "-days", "30", "-subj", "/CN=OpenSSL's root"];
        self.request(&dir, "root", kind, &root).await?;
        // ring does not sign with P-521.
        let own = if kind.name == "P-521" { &P256 } else { kind };
        self.certify(&dir, ours, own, None).await?;
        self.certify(&dir, peer, kind, fault).await?;
        if fault == Some(Fault::Revoked) {
            self.authority(&dir, &["-revoke", &format!("{peer}.crt")]).await?;
            self.authority(&dir, &["-gencrl", "-out", "crl.pem"]).await?;
        }
        Ok(dir)
    }

    async fn certify(
        &self,
        dir: &Path,
        role: &str,
        kind: &Kind,
        fault: Option<Fault>,
    ) -> Result<()> {
        self.request(dir, role, kind, &["-subj", &format!("/CN={role}")]).await?;
        let other = if role == "plugin" { "host" } else { "plugin" };
        let extensions = match fault {
            Some(Fault::Usage) => other,
            Some(Fault::Name) => "elsewhere",
            _ => role,
        };
        let dates: &[&str] = match fault {
            Some(Fault::Expired) => {
                &["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
            }
            _ => &["-days", "30"],
        };
        let (request, certificate) = (format!("{role}.csr"), format!("{role}.crt"));
        let files = ["-in", &request, "-out", &certificate, "-extensions", extensions];
        self.authority(dir, &[&files, dates].concat()).await
    }

    async fn request(&self, dir: &Path, name: &str, kind: &Kind, rest: &[&str]) -> Result<()> {
        let out = if name == "root" { "root.crt".to_owned() } else { format!("{name}.csr") };
        let key = format!("{name}.key");
        let mut words = vec!["req", "-config", "openssl.cnf", "-noenc", "-new", "-newkey"];
        words.extend(kind.key);
        words.extend(["-keyout", &key, "-out", &out]);
        words.extend(rest);
        self.run(dir, &words).await.map(drop)
    }

    async fn authority(&self, dir: &Path, rest: &[&str]) -> Result<()> {
        let words = ["ca", "-config", "openssl.cnf", "-batch", "-notext"];
        self.run(dir, &[&words, rest].concat()).await.map(drop)
    }

    /// Runs it to its end, which must be a good one, and returns what it printed.
    pub(crate) async fn run(&self, dir: &Path, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.current_dir(dir).args(words).kill_on_drop(true);
        let output = command.output().await.context("cannot run openssl")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "openssl {}: {}", words.join(" "), said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

const CONFIGURATION: &str = "\
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[plugin]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[host]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[elsewhere]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:elsewhere.internal
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = authority
[authority]
certificate = root.crt
private_key = root.key
database = index.txt
serial = serial
crlnumber = crl
new_certs_dir = .
default_md = default
default_crl_days = 30
policy = anything
[anything]
commonName = supplied
";
