//! The client: one connection, made again when it is lost, and the calls over it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::call::{lock, new_id, wait, Backoff, Call, Limits};
use crate::connection::{Config, Connection, Standing};
use crate::error::Error;
use crate::protobuf::{Message, Request};
use crate::rpc::Method;
use crate::stream::Stream;
use crate::tls::{Pem, Trust};
use crate::v1::StatusCode;
use crate::value::{Codec, Values};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Says how to connect; made by [`Client::builder`].
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    address: String,
    trust: Trust,
    insecure: bool,
    token: String,
    namespace: String,
    connect_timeout: Duration,
    values: Values,
}

impl ClientBuilder {
    /// Trusts the certificates in a PEM file instead of those of the system.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.trust.ca = Some(Pem::File(path.into()));
        self
    }

    /// Trusts these certificates, as PEM text, instead of those of the system.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust.ca = Some(Pem::Text(pem.into()));
        self
    }

    /// Shows the certificate in a PEM file (with its chain), with the key in another.
    pub fn certificate_files(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.trust.identity = Some((Pem::File(certificate.into()), Pem::File(key.into())));
        self
    }

    /// Shows a certificate (with its chain) and its key, as PEM texts.
    pub fn certificate_pem(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.trust.identity = Some((Pem::Text(certificate.into()), Pem::Text(key.into())));
        self
    }

    /// The name, or IP address, that the server's certificate must carry, if it is not the host that is connected to.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.trust.server_name = Some(name.into());
        self
    }

    /// Shows an access token, `<key id>.<secret>`.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// Chooses what workflow ids are unique in. Default: the server's default.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = name.into();
        self
    }

    /// Limits the time until the server's welcome. Default 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Applies a codec to every payload; the place for encryption.
    pub fn codec(mut self, codec: impl Codec + 'static) -> Self {
        self.values = Values(Some(Arc::new(codec)));
        self
    }

    /// Speaks plain text. The server must allow it, and the address must be loopback.
    pub fn insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Connects, over TLS 1.3, and waits for the server's welcome.
    ///
    /// # Errors
    /// [`Error::Invalid`] if an option is impossible or a file cannot be read, [`Error::ConnectionLost`] if the server cannot be
    /// reached or trusted, [`Error::Status`] if it refuses the hello.
    pub fn connect(self) -> Result<Client, Error> {
        let (host, port) = self.host_and_port()?;
        if self.insecure && host != "localhost" && !host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
            return Err(Error::Invalid("plain text is for loopback only; give a CA instead".into()));
        }
        let config = Config {
            server_name: self.trust.server_name.clone().unwrap_or_else(|| host.clone()),
            tls: if self.insecure { None } else { Some(self.trust.context()?) },
            host,
            port,
            token: self.token,
            namespace: self.namespace,
            connect_timeout: self.connect_timeout,
            values: self.values,
        };
        let inner = Inner { config, state: Mutex::default(), changed: Condvar::new() };
        let client = Client { inner: Arc::new(inner), call: Call::default() };
        let limits = Limits { end: Instant::now().checked_add(self.connect_timeout), cancel: None };
        client.connection(&limits, "connect").map_err(|error| match error {
            error if error.is_deadline_exceeded() => Error::lost("no welcome in time"),
            error => error,
        })?;
        Ok(client)
    }

    fn host_and_port(&self) -> Result<(String, u16), Error> {
        let parts = self.address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = parts.ok_or_else(|| Error::Invalid(format!("an address is HOST:PORT, not `{}`", self.address)))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Ok((host.to_owned(), port))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the token.
        f.debug_struct("ClientBuilder").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Makes the calls of one namespace over one connection, which is made again when it is lost. A call that the connection took
/// with it is repeated until its deadline, with the same request id: the server does nothing twice.
///
/// Clones share the connection, from any number of threads; it is closed when the last of them is dropped.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    pub(crate) call: Call,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Connection>>,
    /// Their running calls finish there.
    draining: Vec<Arc<Connection>>,
    closed: bool,
    dialing: bool,
    /// How many attempts have ended, and how the last did.
    dials: u64,
    failure: Option<Error>,
}

impl Client {
    /// Says how to connect to an address, `HOST:PORT`.
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            address: address.into(),
            trust: Trust::default(),
            insecure: false,
            token: String::new(),
            namespace: String::new(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            values: Values::default(),
        }
    }

    /// The same client for calls with other settings: `client.with(Call::new().timeout(…)).start(…)`.
    #[must_use]
    pub fn with(&self, call: Call) -> Self {
        Self { inner: self.inner.clone(), call }
    }

    /// Closes the connection, for all clones; what is under way is lost. Dropping the last clone does the same.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Name and version of the server, as of the last welcome.
    pub fn server_version(&self) -> String {
        let state = lock(&self.inner.state);
        state.current.as_ref().map(|current| current.welcome.server_version.clone()).unwrap_or_default()
    }

    pub(crate) fn values(&self) -> &Values {
        &self.inner.config.values
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.inner.state).closed
    }

    /// The connection, made again if need be.
    fn connection(&self, limits: &Limits, method: &'static str) -> Result<Arc<Connection>, Error> {
        let inner = &self.inner;
        let waiting = Arc::downgrade(inner);
        let mut state = lock(&inner.state);
        if let Some(found) = state.usable()? {
            return Ok(found);
        }
        drop(state);
        let _listening = limits.listen(move || {
            if let Some(inner) = waiting.upgrade() {
                drop(lock(&inner.state));
                inner.changed.notify_all();
            }
        });
        state = lock(&inner.state);
        loop {
            if let Some(found) = state.usable()? {
                return Ok(found);
            }
            if !state.dialing {
                state.dialing = true;
                let dialer = inner.clone();
                let spawned = std::thread::Builder::new().name("saga dialer".into()).spawn(move || dialer.dial());
                if let Err(error) = spawned {
                    state.dialing = false;
                    return Err(Error::lost(error.to_string()));
                }
            }
            let seen = state.dials;
            while state.dials == seen {
                limits.check(method)?;
                state = wait(&inner.changed, state, limits.end);
            }
            if let Some(error) = &state.failure {
                return Err(error.clone());
            }
        }
    }

    /// Makes one call until its deadline: repeated over new connections, with one request id.
    pub(crate) fn invoke<Req: Request, Res: Message>(&self, method: &'static Method, mut request: Req) -> Result<Res, Error> {
        let limits = Limits::of(&self.call, Some(DEFAULT_TIMEOUT));
        self.prepare(method, &mut request);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let error = match self.attempt(method, &mut request, &limits) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            limits.check(method.name)?;
            let mut pause = backoff.take();
            match &error {
                Error::Status(status) if matches!(status.code, StatusCode::Unavailable | StatusCode::ResourceExhausted) => {
                    pause = pause.max(status.retry_after);
                }
                Error::ConnectionLost { .. } if !self.is_closed() => {}
                _ => return Err(error),
            }
            if limits.end.is_some_and(|end| end.saturating_duration_since(Instant::now()) < pause) {
                return Err(error);
            }
            limits.sleep(pause, method.name)?;
        }
    }

    fn prepare(&self, method: &'static Method, request: &mut impl Request) {
        let header = request.header_mut();
        if method.mutates && !self.call.request_id.is_empty() {
            header.request_id.clone_from(&self.call.request_id);
        } else if method.mutates && header.request_id.is_empty() {
            header.request_id = new_id();
        }
    }

    fn attempt<Req: Request, Res: Message>(
        &self,
        method: &'static Method,
        request: &mut Req,
        limits: &Limits,
    ) -> Result<Res, Error> {
        let connection = self.connection(limits, method.name)?;
        let left = limits.end.map_or(DEFAULT_TIMEOUT, |end| end.saturating_duration_since(Instant::now()));
        request.header_mut().deadline_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).clamp(1, 86_400_000);
        let stream = connection.open(method, request.encode(), limits)?;
        let answer = stream.receive(limits);
        if answer.is_err() {
            stream.cancel("the caller has given up");
        }
        answer?.ok_or_else(|| Error::lost(format!("{}: the server ended the call without an answer", method.name)))
    }

    /// Opens a stream; it has no deadline unless the call has one.
    pub(crate) fn open(&self, method: &'static Method, mut first: impl Request) -> Result<Stream, Error> {
        let limits = Limits::of(&self.call, None);
        let connecting =
            Limits { end: limits.end.or_else(|| Instant::now().checked_add(DEFAULT_TIMEOUT)), cancel: limits.cancel.clone() };
        let connection = self.connection(&connecting, method.name)?;
        self.prepare(method, &mut first);
        let mut stream = connection.open(method, first.encode(), &connecting)?;
        stream.limits = limits;
        Ok(stream)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}:{})", self.inner.config.host, self.inner.config.port)
    }
}

impl State {
    /// The connection if it is usable; one that is not is moved out of the way.
    fn usable(&mut self) -> Result<Option<Arc<Connection>>, Error> {
        if self.closed {
            return Err(Error::lost("the client is closed"));
        }
        let Some(current) = &self.current else { return Ok(None) };
        match current.standing() {
            Standing::Usable => return Ok(Some(current.clone())),
            Standing::Full => {
                return Err(Error::status(StatusCode::ResourceExhausted, "too many calls in flight on this connection"));
            }
            Standing::GoingAway => self.draining.extend(self.current.take()),
            Standing::Lost => self.current = None,
        }
        self.draining.retain(|old| !matches!(old.standing(), Standing::Lost));
        Ok(None)
    }
}

impl Inner {
    fn dial(&self) {
        let made = Connection::dial(&self.config);
        let mut state = lock(&self.state);
        state.dialing = false;
        state.dials += 1;
        state.failure = None;
        match made {
            Ok(made) if state.closed => made.lose(Error::lost("closed here")),
            Ok(made) => state.current = Some(made),
            Err(error) => state.failure = Some(error),
        }
        drop(state);
        self.changed.notify_all();
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let current = state.current.take();
        let all: Vec<_> = state.draining.drain(..).chain(current).collect();
        drop(state);
        self.changed.notify_all();
        all.iter().for_each(|old| old.lose(Error::lost("closed here")));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_options_are_refused_before_anything_is_connected() {
        let wrong = |builder: ClientBuilder| match builder.connect() {
            Err(Error::Invalid(why)) => why,
            other => panic!("{other:?}"),
        };
        for address in ["localhost", "localhost:", "localhost:99999", ""] {
            assert!(wrong(Client::builder(address)).contains("HOST:PORT"), "{address}");
        }
        assert!(wrong(Client::builder("example.org:1").insecure()).contains("loopback"));
        assert!(wrong(Client::builder("localhost:1").ca_file("/nowhere.pem")).contains("/nowhere.pem"));
        assert!(wrong(Client::builder("localhost:1").ca_pem("no certificate")).contains("certificate"));
        let odd = Client::builder("localhost:1").certificate_pem("none", "none");
        assert!(wrong(odd).contains("certificate"));
    }

    #[test]
    fn nobody_listens() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        drop(taken);
        let refused = Client::builder(format!("127.0.0.1:{port}")).insecure().connect().unwrap_err();
        assert!(refused.is_connection_lost(), "{refused}");
    }

    #[test]
    fn a_peer_that_says_nothing_costs_the_time_out() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let began = Instant::now();
        let limit = Duration::from_millis(100);
        let refused = Client::builder(address).insecure().connect_timeout(limit).connect().unwrap_err();
        assert!(refused.is_connection_lost() && began.elapsed() < Duration::from_secs(5), "{refused}");
    }
}
