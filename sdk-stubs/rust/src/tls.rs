//! TLS 1.3 over bytes in memory, so that one thread can wait for the socket while others write to it. OpenSSL is hidden here.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use openssl::pkey::PKey;
use openssl::ssl::{ErrorCode, Ssl, SslContext, SslMethod, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509CheckFlags;
use openssl::x509::X509;

use crate::error::Error;

const ALPN: &[u8] = b"\x06saga/1";
const CHUNK: usize = 16 << 10;

/// What the builder says of trust.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    pub(crate) ca: Option<Pem>,
    pub(crate) identity: Option<(Pem, Pem)>,
    pub(crate) server_name: Option<String>,
}

/// A PEM file, or its content.
#[derive(Clone, Debug)]
pub(crate) enum Pem {
    File(PathBuf),
    Text(Vec<u8>),
}

impl Pem {
    fn read(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => std::fs::read(path).map_err(|error| bad(path, error)),
        }
    }

    fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Text(_) => Path::new("the PEM text"),
        }
    }
}

fn bad(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("{}: {why}", path.display()))
}

impl Trust {
    /// Reads the files; what is wrong with them is said before anything is connected.
    pub(crate) fn context(&self) -> Result<SslContext, Error> {
        let mut made = SslContext::builder(SslMethod::tls_client()).map_err(unusable)?;
        made.set_min_proto_version(Some(SslVersion::TLS1_3)).map_err(unusable)?;
        made.set_alpn_protos(ALPN).map_err(unusable)?;
        made.set_verify(SslVerifyMode::PEER);
        match &self.ca {
            None => made.set_default_verify_paths().map_err(unusable)?,
            Some(pem) => {
                let found = X509::stack_from_pem(&pem.read()?).map_err(|error| bad(pem.name(), error))?;
                if found.is_empty() {
                    return Err(bad(pem.name(), "there is no certificate in it"));
                }
                let mut store = X509StoreBuilder::new().map_err(unusable)?;
                for certificate in found {
                    store.add_cert(certificate).map_err(|error| bad(pem.name(), error))?;
                }
                made.set_cert_store(store.build());
            }
        }
        if let Some((certificate, key)) = &self.identity {
            let chain = X509::stack_from_pem(&certificate.read()?).map_err(|error| bad(certificate.name(), error))?;
            let mut chain = chain.into_iter();
            let first = chain.next().ok_or_else(|| bad(certificate.name(), "there is no certificate in it"))?;
            made.set_certificate(&first).map_err(|error| bad(certificate.name(), error))?;
            for next in chain {
                made.add_extra_chain_cert(next).map_err(|error| bad(certificate.name(), error))?;
            }
            // With a passphrase given, even an empty one, OpenSSL never asks the terminal.
            let secret = PKey::private_key_from_pem_passphrase(&key.read()?, b"").map_err(|error| bad(key.name(), error))?;
            made.set_private_key(&secret).map_err(|error| bad(key.name(), error))?;
            made.check_private_key().map_err(|error| bad(key.name(), error))?;
        }
        Ok(made.build())
    }
}

fn unusable(error: openssl::error::ErrorStack) -> Error {
    Error::Invalid(format!("OpenSSL: {error}"))
}

/// The two ends of the bytes that TLS has made and wants.
#[derive(Default)]
struct Memory {
    incoming: Vec<u8>,
    taken: usize,
    outgoing: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.incoming.get(self.taken..).unwrap_or_default();
        if left.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Turns plain bytes into what the socket carries, and back. Without TLS they are the same.
pub(crate) struct Cipher(Option<SslStream<Memory>>, Vec<u8>);

impl Cipher {
    pub(crate) fn none() -> Self {
        Self(None, Vec::new())
    }

    /// Takes bytes from the socket, and gives what they say to `plain`. False: the peer has said that it ends.
    pub(crate) fn open(&mut self, bytes: &[u8], mut plain: impl FnMut(&[u8])) -> Result<bool, String> {
        let Self(Some(tls), scratch) = self else {
            plain(bytes);
            return Ok(true);
        };
        let memory = tls.get_mut();
        memory.incoming.drain(..memory.taken);
        memory.taken = 0;
        memory.incoming.extend_from_slice(bytes);
        scratch.resize(CHUNK, 0);
        loop {
            match tls.ssl_read(scratch) {
                Ok(count) => plain(scratch.get(..count).unwrap_or_default()),
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(true),
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => return Ok(false),
                Err(error) => return Err(why(&error)),
            }
        }
    }

    /// Seals bytes for the socket, after what TLS itself has to say.
    pub(crate) fn seal(&mut self, plain: Vec<u8>) -> Result<Vec<u8>, String> {
        let Some(tls) = &mut self.0 else { return Ok(plain) };
        let mut left = plain.as_slice();
        while !left.is_empty() {
            let count = tls.ssl_write(left).map_err(|error| why(&error))?;
            left = left.get(count..).unwrap_or_default();
        }
        Ok(std::mem::take(&mut tls.get_mut().outgoing))
    }

    /// TLS has something to say by itself (an answer to a change of keys).
    pub(crate) fn has_news(&self) -> bool {
        self.0.as_ref().is_some_and(|tls| !tls.get_ref().outgoing.is_empty())
    }

    /// Says that no more comes from here.
    pub(crate) fn goodbye(&mut self) {
        if let Some(tls) = &mut self.0 {
            let _ = tls.shutdown();
        }
    }
}

fn why(error: &openssl::ssl::Error) -> String {
    match error.ssl_error() {
        Some(stack) => stack.errors().iter().filter_map(|one| one.reason()).collect::<Vec<_>>().join(", "),
        None => error.to_string(),
    }
}

/// Connects to one of the addresses of a host.
pub(crate) fn connect(host: &str, port: u16, end: Instant) -> Result<TcpStream, Error> {
    let found = (host, port).to_socket_addrs().map_err(|error| Error::lost(format!("{host}: {error}")))?;
    let mut last = Error::lost(format!("{host} has no address"));
    for address in found {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => {
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(error) => last = Error::lost(format!("{address}: {error}")),
        }
    }
    Err(last)
}

/// The next bytes of a socket, before a moment.
pub(crate) fn receive(socket: &TcpStream, end: Instant, into: &mut [u8]) -> Result<usize, Error> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Error::lost("no welcome in time"));
    }
    let _ = socket.set_read_timeout(Some(left.max(Duration::from_millis(1))));
    match (&*socket).read(into) {
        Ok(0) => Err(Error::lost("the server has closed the connection")),
        Ok(count) => Ok(count),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(Error::lost("no welcome in time"))
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => receive(socket, end, into),
        Err(error) => Err(Error::lost(error.to_string())),
    }
}

/// Shakes hands, and checks who is there.
pub(crate) fn handshake(socket: &TcpStream, context: &SslContext, name: &str, end: Instant) -> Result<Cipher, Error> {
    let mut ssl = Ssl::new(context).map_err(unusable)?;
    let param = ssl.param_mut();
    param.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
    match name.parse::<IpAddr>() {
        Ok(address) => param.set_ip(address),
        Err(_) => param.set_host(name),
    }
    .map_err(unusable)?;
    if name.parse::<IpAddr>().is_err() {
        ssl.set_hostname(name).map_err(unusable)?;
    }
    let mut tls = SslStream::new(ssl, Memory::default()).map_err(unusable)?;
    let mut bytes = vec![0; CHUNK];
    let _ = socket.set_write_timeout(Some(end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))));
    loop {
        let done = tls.connect();
        // An alert of ours says to the peer what is wrong, so it leaves also after an error.
        let said = std::mem::take(&mut tls.get_mut().outgoing);
        let written = (&*socket).write_all(&said);
        match done {
            Ok(()) => {
                written.map_err(|error| Error::lost(error.to_string()))?;
                break;
            }
            Err(error) if error.code() == ErrorCode::WANT_READ => {
                written.map_err(|error| Error::lost(error.to_string()))?;
                let count = receive(socket, end, &mut bytes)?;
                tls.get_mut().incoming.extend_from_slice(bytes.get(..count).unwrap_or_default());
            }
            Err(error) => {
                let _ = socket.shutdown(Shutdown::Both);
                let verified = tls.ssl().verify_result();
                let what = if verified.as_raw() == 0 { why(&error) } else { verified.error_string().to_owned() };
                return Err(Error::lost(format!("{name} is not trusted, or does not speak TLS 1.3: {what}")));
            }
        }
    }
    if tls.ssl().selected_alpn_protocol() != ALPN.get(1..) {
        return Err(Error::lost(format!("{name} does not speak saga/1")));
    }
    Ok(Cipher(Some(tls), Vec::new()))
}
