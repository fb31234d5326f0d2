//! What an operator may ask of a peer beyond a trusted chain: names, revocation, versions.

use rpcplugin_core::{Error, SecurityError};

use super::{peers::meet, revoking::Revoking};
use crate::{
    AuthorityParams, CertAuthority, ClientTls, Crls, CustomTls, Identity, IdentityParams, San,
    ServerTls, TlsAcceptor, TlsLayer, TlsVersion, certificate::to_pem,
};

fn authority() -> CertAuthority {
    CertAuthority::create(&AuthorityParams::new("root")).unwrap()
}

fn named(authority: &CertAuthority, extra: San) -> Identity {
    let names = [San::Dns("localhost".into()), extra];
    authority.issue(&IdentityParams::issued("kv").names(names)).unwrap()
}

/// What each side says, and which version they agreed on.
async fn outcome(
    host: &CustomTls,
    plugin: &CustomTls,
) -> (Result<&'static str, Error>, Result<(), SecurityError>) {
    let layer = TlsLayer::new(ClientTls::custom(host).unwrap());
    let acceptor = TlsAcceptor::new(ServerTls::custom(plugin).unwrap());
    let (client, server) = meet(&layer, &acceptor).await;
    (client.map(|stream| stream.info().version), server.map(drop))
}

#[tokio::test]
async fn a_peer_must_bear_one_of_the_allowed_names() {
    let root = authority();
    let roots = root.roots().unwrap();
    let uri = San::Uri("spiffe://example.org/kv".into());
    for (borne, allowed, accepted) in [
        (San::Dns("kv.internal".into()), San::Dns("KV.internal".into()), true),
        (San::Dns("*.db.internal".into()), San::Dns("kv.db.internal".into()), true),
        (San::Dns("kv.internal".into()), San::Dns("other.internal".into()), false),
        (San::Ip([192, 0, 2, 7].into()), San::Ip([192, 0, 2, 7].into()), true),
        (San::Ip([192, 0, 2, 7].into()), San::Ip([192, 0, 2, 8].into()), false),
        (uri.clone(), uri.clone(), true),
        (uri.clone(), San::Uri("spiffe://example.org/other".into()), false),
    ] {
        let peer = CustomTls::new(named(&root, borne.clone()), roots.clone());
        let choosy = CustomTls::new(named(&root, uri.clone()), roots.clone())
            .allowed_names([San::Dns("nobody.internal".into()), allowed.clone()]);
        // As a plugin towards its host, and as a host towards its plugin.
        let (client, server) = outcome(&peer, &choosy).await;
        let (judging, _) = outcome(&choosy, &peer).await;
        if accepted {
            client.unwrap();
            server.unwrap();
            judging.unwrap();
        } else {
            let (client, server) = (client.unwrap_err(), server.unwrap_err());
            assert_eq!(server.code(), "SECURITY_CLIENT_REFUSED");
            assert!(server.to_string().contains(&format!("{borne}, and none of")), "{server}");
            assert!(server.to_string().contains(&allowed.to_string()), "{server}");
            assert_eq!(client.code(), "SECURITY_CLIENT_REFUSED");
            assert!(client.to_string().contains("none of the allowed names"), "{client}");
            let judging = judging.unwrap_err();
            assert_eq!(judging.code(), "SECURITY_CERT_UNTRUSTED");
            assert!(judging.to_string().contains(&allowed.to_string()), "{judging}");
        }
    }
}

#[tokio::test]
async fn an_empty_list_of_names_accepts_nobody() {
    let root = authority();
    let tls = CustomTls::new(named(&root, San::Dns("kv".into())), root.roots().unwrap());
    let closed = tls.clone().allowed_names([]);
    assert_eq!(outcome(&tls, &closed).await.1.unwrap_err().code(), "SECURITY_CLIENT_REFUSED");
    assert_eq!(outcome(&closed, &tls).await.0.unwrap_err().code(), "SECURITY_CERT_UNTRUSTED");
}

#[tokio::test]
async fn the_oldest_version_is_kept_by_either_side() {
    let root = authority();
    let tls = CustomTls::new(named(&root, San::Dns("kv".into())), root.roots().unwrap());
    let newest = tls.clone().min_version(TlsVersion::Tls13);
    assert_eq!(outcome(&newest, &tls).await.0.unwrap(), "TLS 1.3");
    assert_eq!(outcome(&tls, &newest).await.0.unwrap(), "TLS 1.3");
    // A peer with TLS 1.2 alone, on either side.
    let identity = named(&root, San::Dns("kv".into()));
    let old = super::peers::Peer::of(&identity).versions(super::peers::VERSIONS[0]);
    for (tls, accepted) in [(&tls, true), (&newest, false)] {
        let acceptor = TlsAcceptor::new(ServerTls::custom(tls).unwrap());
        let (near, far) = super::peers::pipe();
        let (_, served) = tokio::join!(old.call(near), super::peers::serve(&acceptor, far));
        assert_eq!(served.is_ok(), accepted);
        let layer = TlsLayer::new(ClientTls::custom(tls).unwrap());
        let (near, far) = super::peers::pipe();
        let (dialled, _) = tokio::join!(
            // The peer stays until its client has gone.
            async { super::peers::dial(&layer, near).await.map(drop) },
            old.serve(far)
        );
        assert_eq!(dialled.is_ok(), accepted);
    }
}

#[tokio::test]
async fn the_revoked_and_the_unknown_are_refused() {
    let (revoking, other) = (Revoking::new("one"), Revoking::new("other"));
    let namesake = Revoking::new("one");
    let root = &revoking.authority;
    let roots = root.roots().unwrap();
    let [good, bad] = [0, 1].map(|_| named(root, San::Dns("kv".into())));
    let far_off = rcgen::date_time_ymd(4000, 1, 1);
    let tls = |identity: &Identity| CustomTls::new(identity.clone(), roots.clone());
    let checking = |crls| tls(&good).crls(crls);

    let list = revoking.list(&[&bad], far_off);
    outcome(&tls(&good), &checking(list.clone())).await.1.unwrap();
    outcome(&checking(list.clone()), &tls(&good)).await.0.unwrap();
    let (client, server) = outcome(&tls(&bad), &checking(list.clone())).await;
    let (client, server) = (client.unwrap_err(), server.unwrap_err());
    assert!(server.to_string().contains("Revoked"), "{server}");
    assert!(client.to_string().contains("it was revoked"), "{client}");
    let error = outcome(&checking(list), &tls(&bad)).await.0.unwrap_err();
    assert_eq!(error.code(), "SECURITY_CERT_UNTRUSTED");
    assert!(error.to_string().to_lowercase().contains("revoked"), "{error}");

    // A list that is out of date, or of another authority, tells nothing of the good one.
    let stale = revoking.list(&[], rcgen::date_time_ymd(2021, 1, 1));
    for list in [stale, other.list(&[], far_off), namesake.list(&[], far_off)] {
        let error = outcome(&checking(list), &tls(&good)).await.0.unwrap_err();
        assert_eq!(error.code(), "SECURITY_CERT_UNTRUSTED", "{error}");
    }
}

#[test]
fn what_is_no_revocation_list_is_refused() {
    for text in [String::new(), to_pem("X509 CRL", b"none"), to_pem("CERTIFICATE", b"none")] {
        assert_eq!(Crls::from_pem(text.as_bytes()).unwrap_err().code(), "SECURITY_CERT_INVALID");
    }
}

#[test]
fn a_revocation_list_that_cannot_be_used_is_called_so() {
    use rustls::{CertRevocationListError, server::VerifierBuilderError};
    let error = VerifierBuilderError::InvalidCrl(CertRevocationListError::ParseError);
    let told = crate::trust::unusable(error).to_string();
    assert!(told.contains("revocation list: ") && !told.contains("trusted roots"), "{told}");
}
