//! Whom the client trusts: names and IP addresses of certificates, made here.

use std::net::TcpListener;

use crate::support::Peer;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{AlpnError, SslAcceptor, SslMethod, SslVersion};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509Name, X509};
use saga_engine::{Client, ClientBuilder, Error};

fn certificate() -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "test").unwrap();
    let name = name.build();
    let mut made = X509::builder().unwrap();
    made.set_version(2).unwrap();
    made.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    made.set_subject_name(&name).unwrap();
    made.set_issuer_name(&name).unwrap();
    made.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    made.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    made.set_pubkey(&key).unwrap();
    made.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let names = SubjectAlternativeName::new().dns("localhost").ip("127.0.0.1").build(&made.x509v3_context(None, None)).unwrap();
    made.append_extension(names).unwrap();
    made.sign(&key, MessageDigest::sha256()).unwrap();
    (made.build(), key)
}

/// Serves each connection that shakes hands; the port and the certificate.
fn serve(newest: SslVersion) -> (u16, Vec<u8>) {
    let (certificate, key) = certificate();
    let pem = certificate.to_pem().unwrap();
    let mut acceptor = SslAcceptor::mozilla_modern_v5(SslMethod::tls()).unwrap();
    acceptor.set_min_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    acceptor.set_max_proto_version(Some(newest)).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor
        .set_alpn_select_callback(|_, offered| if offered == b"\x06saga/1" { Ok(&offered[1..]) } else { Err(AlpnError::NOACK) });
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            if let Ok(stream) = acceptor.accept(socket.unwrap()) {
                Peer(stream).welcome().read();
            }
        }
    });
    (port, pem)
}

fn refused(builder: ClientBuilder) -> String {
    match builder.connect() {
        Err(error @ Error::ConnectionLost { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_and_addresses_are_checked() {
    let (port, pem) = serve(SslVersion::TLS1_3);
    for host in ["localhost", "127.0.0.1"] {
        Client::builder(format!("{host}:{port}")).ca_pem(pem.clone()).connect().unwrap();
    }
    let named = |name: &str| Client::builder(format!("127.0.0.1:{port}")).ca_pem(pem.clone()).server_name(name);
    named("localhost").connect().unwrap();
    assert!(refused(named("127.0.0.2")).contains("IP address mismatch"));
    assert!(refused(named("example.org")).contains("mismatch"));
}

#[test]
fn only_the_given_authority_is_trusted() {
    let (port, _) = serve(SslVersion::TLS1_3);
    let other = certificate().0.to_pem().unwrap();
    assert!(refused(Client::builder(format!("localhost:{port}")).ca_pem(other)).contains("not trusted"));
    assert!(refused(Client::builder(format!("localhost:{port}"))).contains("not trusted"));
}

#[test]
fn older_versions_of_tls_are_refused() {
    let (port, pem) = serve(SslVersion::TLS1_2);
    let said = refused(Client::builder(format!("localhost:{port}")).ca_pem(pem));
    assert!(said.contains("TLS 1.3"), "{said}");
}
