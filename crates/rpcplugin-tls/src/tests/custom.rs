//! Certificates that an operator supplies: chains, names, dates.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rpcplugin_core::{Error, SecurityError};

use super::peers::{Peer, dial, meet, pipe, serve};
use crate::{
    ClientTls, CustomTls, Identity, Roots, ServerTls, TlsAcceptor, TlsLayer, certificate::to_pem,
};

/// An authority that issues whatever it is asked for.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, after those that lead to it from a leaf.
    chain: String,
    root: String,
}

impl Authority {
    fn root() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority("the root");
        let root = pem(params.self_signed(&key).unwrap());
        Self { issuer: Issuer::new(params, key), chain: String::new(), root }
    }

    fn intermediate(&self) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority("an intermediate");
        let chain = pem(params.signed_by(&key, &self.issuer).unwrap()) + &self.chain;
        Self { issuer: Issuer::new(params, key), chain, root: self.root.clone() }
    }

    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let leaf = pem(params.signed_by(&key, &self.issuer).unwrap());
        let key = to_pem("PRIVATE KEY", &key.serialize_der());
        Identity::from_pem((leaf + &self.chain).as_bytes(), key.as_bytes()).unwrap()
    }

    /// One side with a certificate of this authority, trusting `root`.
    fn side(&self, root: &Self, change: impl FnOnce(&mut CertificateParams)) -> CustomTls {
        CustomTls::new(self.issue(change), root.roots())
    }

    fn roots(&self) -> Roots {
        Roots::from_pem(self.root.as_bytes()).unwrap()
    }
}

fn pem(certificate: Certificate) -> String {
    to_pem("CERTIFICATE", certificate.der())
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn layer(custom: &CustomTls) -> TlsLayer {
    TlsLayer::new(ClientTls::custom(custom).unwrap())
}

fn acceptor(custom: &CustomTls) -> TlsAcceptor {
    TlsAcceptor::new(ServerTls::custom(custom).unwrap())
}

/// What each side says of a handshake between these two.
async fn outcome(
    host: &CustomTls,
    plugin: &CustomTls,
) -> (Result<(), Error>, Result<(), SecurityError>) {
    let (client, server) = meet(&layer(host), &acceptor(plugin)).await;
    (client.map(drop), server.map(drop))
}

fn nothing(_: &mut CertificateParams) {}

#[tokio::test]
async fn chains_to_a_common_root_authenticate_both_sides() {
    let root = Authority::root();
    let deep = root.intermediate().intermediate();
    let (host, plugin) = (root.side(&root, nothing), deep.side(&root, nothing));
    let (client, server) = meet(&layer(&host), &acceptor(&plugin)).await;
    assert!(client.unwrap().info().client_certificate_requested);
    server.unwrap();
    let (client, server) = outcome(&plugin, &host).await;
    client.unwrap();
    server.unwrap();
}

#[tokio::test]
async fn a_certificate_under_another_root_is_refused_by_either_side() {
    let (ours, theirs) = (Authority::root(), Authority::root());
    let (host, plugin) = (ours.side(&ours, nothing), theirs.side(&ours, nothing));
    let (client, _) = outcome(&host, &plugin).await;
    assert_eq!(client.unwrap_err().code(), "SECURITY_CERT_UNTRUSTED");
    let (client, server) = outcome(&plugin, &host).await;
    assert_eq!(server.unwrap_err().code(), "SECURITY_CLIENT_REFUSED");
    assert_eq!(client.unwrap_err().code(), "SECURITY_CLIENT_REFUSED");
}

#[tokio::test]
async fn the_plugin_must_bear_the_name_that_its_host_expects() {
    let root = Authority::root();
    let host = root.side(&root, nothing);
    let plugin = root.side(&root, |params| {
        params.subject_alt_names = vec![
            rcgen::SanType::DnsName("kv.internal".try_into().unwrap()),
            rcgen::SanType::IpAddress([192, 0, 2, 7].into()),
        ];
    });
    for name in ["kv.internal", "192.0.2.7"] {
        outcome(&host.clone().server_name(name), &plugin).await.0.unwrap();
    }
    for name in ["localhost", "other.internal", "192.0.2.8"] {
        let (client, _) = outcome(&host.clone().server_name(name), &plugin).await;
        assert_eq!(client.unwrap_err().code(), "SECURITY_CERT_UNTRUSTED", "{name}");
    }
    let error = ClientTls::custom(&host.server_name("no name")).unwrap_err();
    assert_eq!(error.code(), "CONFIG_INVALID");
}

#[tokio::test]
async fn dates_matter() {
    let root = Authority::root();
    let host = root.side(&root, nothing);
    let past = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let future =
        |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    for plugin in [root.side(&root, past), root.side(&root, future)] {
        let (client, _) = outcome(&host, &plugin).await;
        assert_eq!(client.unwrap_err().code(), "SECURITY_CERT_EXPIRED");
        let (_, server) = outcome(&plugin, &host).await;
        assert_eq!(server.unwrap_err().code(), "SECURITY_CLIENT_REFUSED");
    }
}

#[tokio::test]
async fn a_certificate_is_demanded_of_the_host() {
    let root = Authority::root();
    let acceptor = acceptor(&root.side(&root, nothing));
    let (near, far) = pipe();
    let anonymous = Peer::new(None);
    let (_, served) = tokio::join!(anonymous.call(near), serve(&acceptor, far));
    assert_eq!(served.err().unwrap().code(), "SECURITY_CLIENT_REFUSED");
}

#[tokio::test]
async fn a_copied_certificate_without_its_key_is_worth_nothing() {
    let root = Authority::root();
    let plugin = root.issue(nothing);
    let thief = CustomTls::new(plugin.with_key_of(&root.issue(nothing)), root.roots());
    assert_eq!(ServerTls::custom(&thief).unwrap_err().code(), "SECURITY_CERT_INVALID");
}

#[tokio::test]
async fn an_identity_is_the_same_in_another_process() {
    let root = Authority::root();
    let before = root.intermediate().issue(nothing);
    let pem = before.to_secret_pem();
    assert_eq!(pem.expose().matches("BEGIN CERTIFICATE").count(), 2);
    let after = Identity::from_pem(pem.expose().as_bytes(), pem.expose().as_bytes()).unwrap();
    assert_eq!(after.key_bytes(), before.key_bytes());
    let (host, plugin) = (CustomTls::new(after, root.roots()), root.side(&root, nothing));
    let (near, far) = pipe();
    let (client, acceptor) = (layer(&host), acceptor(&plugin));
    let (client, server) = tokio::join!(dial(&client, near), serve(&acceptor, far));
    client.unwrap();
    server.unwrap();
}

#[test]
fn what_is_no_identity_is_refused_without_showing_it() {
    let root = Authority::root();
    let (one, other) = (root.issue(nothing), root.issue(nothing));
    let [one, other] = [one, other].map(|identity| identity.to_secret_pem().expose().to_owned());
    let key = |pem: &str| pem.split_once("-----BEGIN PRIVATE KEY").unwrap().1.to_owned();
    let refused = |certificate: &str, key: &str| {
        let error = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "SECURITY_CERT_INVALID");
        error.to_string()
    };
    assert!(refused(&one, &other).contains("does not belong to its key"));
    assert!(refused("", &one).contains("no certificate in the PEM"));
    assert!(refused(&one, "").contains("no key in the PEM"));
    let broken = one.replace("-----END PRIVATE", "-----END");
    let told = refused(&one, &broken);
    for line in key(&one).lines().filter(|line| line.len() > 20) {
        assert!(!told.contains(line), "{told}");
    }
    let error = Roots::from_pem(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----");
    assert_eq!(error.unwrap_err().code(), "SECURITY_CERT_INVALID");
}
