use std::{
    fs, io::Write as _, net::SocketAddr, os::unix::fs::OpenOptionsExt as _, process::Stdio,
    time::SystemTime,
};

use rpcplugin::{
    Client,
    client::Builder,
    config::Setting,
    core::Address,
    tls::{AuthorityParams, CertAuthority, CertDirectory, CertInfo, Identity, IdentityParams},
};
use rpcplugin_tests::{
    host::{probe, program},
    leak::LeakGuard,
};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::ways::Set;

/// What an operator made, in files: an authority, and certificates of host and plugin.
pub(crate) struct Papers {
    directory: CertDirectory,
}

impl Papers {
    /// The same for all ways of a case.
    pub(crate) fn of(guard: &LeakGuard) -> Self {
        let path = guard.scratch().join("certificates");
        let exists = path.exists();
        let papers = Self { directory: CertDirectory::new(path).unwrap() };
        if !exists {
            let authority = CertAuthority::create(&AuthorityParams::new("operator")).unwrap();
            papers.directory.save_authority(&authority).unwrap();
            let plugin = authority.issue(&IdentityParams::issued("a plugin")).unwrap();
            papers.directory.save_server(&plugin).unwrap();
            // For the plugin that serves on its own.
            fs::write(papers.path("roots.pem"), authority.chain_pem()).unwrap();
            write_secret(&papers.path("identity.pem"), plugin.to_secret_pem().expose());
            papers.issue_host(365);
        }
        papers
    }

    /// Gives the host a certificate that ends in so many days.
    pub(crate) fn issue_host(&self, days: u32) {
        let params = IdentityParams::issued("a host").validity_days(days);
        let authority = self.directory.authority().unwrap();
        self.directory.save_host(&authority.issue(&params).unwrap()).unwrap();
    }

    pub(crate) fn forget_host(&self) {
        for name in ["host.crt", "host.key"] {
            fs::remove_file(self.path(name)).unwrap();
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn server(&self) -> Identity {
        self.directory.server().unwrap()
    }

    pub(crate) fn host_fingerprint(&self) -> String {
        let host = self.directory.host().unwrap();
        CertInfo::of(host.certificate()).fingerprint.to_string()
    }

    /// Connects to a plugin that serves with these certificates, and calls it.
    pub(crate) async fn connect(&self, guard: &LeakGuard, host: Builder) -> Client {
        let mut command = guard.command(program("test-plugin"));
        command.arg(format!("standalone={}", self.path(""))).env("TMPDIR", guard.base());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        let address = Address::Tcp(line.trim().parse::<SocketAddr>().unwrap());
        let client = host.connect(address).await.unwrap();
        probe(&client).echo(vec![1]).await.unwrap();
        client.kill().await;
        child.kill().await.unwrap();
        client
    }

    /// The days that are left of the certificate that a host of this directory shows.
    pub(crate) async fn days_left_with(&self, set: &Set<'_>, value: &str) -> u64 {
        let directory = self.path("");
        let host = set.host_with(value, &[(Setting::MtlsCertDir, &directory)]);
        let client = self.connect(set.guard, host).await;
        assert_eq!(
            CertInfo::of(client.host_certificate().unwrap()).fingerprint.to_string(),
            self.host_fingerprint(),
            "it is kept",
        );
        let left = CertInfo::of(client.host_certificate().unwrap()).time_left(SystemTime::now());
        // An hour more, because all of this took some time.
        (left.unwrap().as_secs() + 3600) / 86_400
    }
}

fn write_secret(path: &str, text: &str) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
