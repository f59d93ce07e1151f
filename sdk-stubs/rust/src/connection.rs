//! One connection: HELLO, frames of many streams, and who writes them.
//!
//! One thread reads. Whoever has something to say writes it, as long as the socket takes it at once; for a peer that does not
//! read, a thread takes over, so that nobody's deadline and no reading ever waits for it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use openssl::ssl::SslContext;

use crate::call::{lock, wait, Limits};
use crate::error::{cut, Error, Status};
use crate::frames::{self, Assembler, Frame, Kind, Splitter};
use crate::protobuf::Message;
use crate::rpc::Method;
use crate::stream::Stream;
use crate::tls::{self, Cipher};
use crate::v1::{self, GoAway, Hello, StatusCode, StreamCancel, Welcome};
use crate::value::Values;

const PING_AFTER: Duration = Duration::from_secs(20);
const CLOSE_AFTER: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_secs(1);
/// How long the socket may keep one who writes, before a thread takes over.
const AT_ONCE: Duration = Duration::from_millis(4);
const OUTBOX_LIMIT: usize = 256 << 10;

/// How to connect.
pub(crate) struct Config {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) server_name: String,
    /// None: plain text.
    pub(crate) tls: Option<SslContext>,
    pub(crate) token: String,
    pub(crate) namespace: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) values: Values,
}

pub(crate) struct Connection {
    socket: TcpStream,
    cipher: Mutex<Cipher>,
    pub(crate) values: Values,
    pub(crate) welcome: Welcome,
    max_frame: u32,
    pub(crate) max_message: u32,
    state: Mutex<State>,
    /// The outbox has room, or the connection is lost.
    room: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    outbox: Vec<u8>,
    /// Somebody writes; nobody else may.
    writing: bool,
    /// TLS has something to say by itself.
    news: bool,
    streams: HashMap<u32, Cell>,
    live: usize,
    last_stream: u32,
    going_away: Option<GoAway>,
    error: Option<Error>,
    last_sent: Option<Instant>,
    last_received: Option<Instant>,
    /// To be woken when the lock is free again.
    wake: Vec<Arc<Condvar>>,
}

/// What the connection knows of a stream, until its handle is dropped.
struct Cell {
    changed: Arc<Condvar>,
    server_streaming: bool,
    /// Frames for it are taken, and it can be cancelled.
    live: bool,
    /// A message is on its way; half of it would be the end of the connection, so a CANCEL comes after it.
    sending: bool,
    cancel_later: Option<String>,
    assembler: Assembler,
    inbox: std::collections::VecDeque<Vec<u8>>,
    error: Option<Error>,
    ended_by_peer: bool,
    ended_by_us: bool,
    send_items: i64,
    send_bytes: i64,
    consumed_items: u32,
    consumed_bytes: u32,
}

/// Why a connection takes no call.
pub(crate) enum Standing {
    Usable,
    Full,
    GoingAway,
    Lost,
}

impl Connection {
    pub(crate) fn dial(config: &Config) -> Result<Arc<Self>, Error> {
        let end = Instant::now() + config.connect_timeout;
        let socket = tls::connect(&config.host, config.port, end)?;
        let mut cipher = match &config.tls {
            Some(context) => tls::handshake(&socket, context, &config.server_name, end)?,
            None => Cipher::none(),
        };
        let mut splitter = Splitter::default();
        let welcome = hello(&socket, &mut cipher, &mut splitter, config, end)?;
        let lost = |error: io::Error| Error::lost(error.to_string());
        socket.set_read_timeout(Some(TICK)).map_err(lost)?;
        socket.set_write_timeout(Some(AT_ONCE)).map_err(lost)?;
        let made = Arc::new(Self {
            socket,
            cipher: Mutex::new(cipher),
            values: config.values.clone(),
            max_frame: if welcome.max_frame as usize > frames::OVERHEAD { welcome.max_frame } else { frames::DEFAULT_MAX_FRAME },
            max_message: if welcome.max_message > 0 { welcome.max_message } else { frames::DEFAULT_MAX_MESSAGE },
            welcome,
            state: Mutex::new(State { last_sent: Some(Instant::now()), last_received: Some(Instant::now()), ..State::default() }),
            room: Condvar::new(),
        });
        let reader = made.clone();
        let spawned = std::thread::Builder::new().name("saga reader".into()).spawn(move || {
            let ended = reader.read(splitter);
            reader.lose(ended);
        });
        spawned.map_err(lost)?;
        Ok(made)
    }

    pub(crate) fn standing(&self) -> Standing {
        let state = lock(&self.state);
        let most = self.welcome.max_streams as usize;
        match () {
            () if state.error.is_some() => Standing::Lost,
            () if state.going_away.is_some() => Standing::GoingAway,
            () if most > 0 && state.live >= most => Standing::Full,
            () => Standing::Usable,
        }
    }

    // Sending

    /// Frees the lock, and sees to it that what stands in the outbox leaves.
    fn flush(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let wake = std::mem::take(&mut state.wake);
        let begin = !state.writing && (state.news || !state.outbox.is_empty());
        state.writing |= begin;
        drop(state);
        wake.iter().for_each(|changed| changed.notify_all());
        if begin {
            self.write(lock(&self.state), false);
        }
    }

    /// Writes until nothing is left; `writing` was set by the caller.
    fn write<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>, patient: bool) {
        while state.error.is_none() && (state.news || !state.outbox.is_empty()) {
            let plain = std::mem::take(&mut state.outbox);
            state.news = false;
            state.last_sent = Some(Instant::now());
            self.room.notify_all();
            drop(state);
            let sealed = lock(&self.cipher).seal(plain);
            let left = sealed.and_then(|sealed| self.put(sealed, patient));
            match left {
                Err(reason) => return self.lose(Error::lost(reason)),
                Ok(left) if !left.is_empty() => return self.hand_over(left),
                Ok(_) => state = lock(&self.state),
            }
        }
        if patient {
            let _ = self.socket.set_write_timeout(Some(AT_ONCE));
        }
        // It is lost if there is an error: then nobody writes any more.
        state.writing = state.error.is_some();
    }

    /// What the socket did not take at once.
    fn put(&self, sealed: Vec<u8>, patient: bool) -> Result<Vec<u8>, String> {
        let mut done = 0;
        while let Some(left) = sealed.get(done..).filter(|left| !left.is_empty()) {
            match (&self.socket).write(left) {
                Ok(0) => return Err("the socket takes nothing".into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if !patient {
                        return Ok(left.to_vec());
                    }
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(Vec::new())
    }

    fn hand_over(self: &Arc<Self>, left: Vec<u8>) {
        let writer = self.clone();
        let spawned = std::thread::Builder::new().name("saga writer".into()).spawn(move || {
            let _ = writer.socket.set_write_timeout(Some(TICK));
            if let Err(reason) = writer.put(left, true) {
                return writer.lose(Error::lost(reason));
            }
            writer.write(lock(&writer.state), true);
        });
        if let Err(error) = spawned {
            self.lose(Error::lost(error.to_string()));
        }
    }

    /// Sends the rest of a message frame by frame, so that others get their turn between the parts of a large one. When the
    /// limits are over before, a thread sends what is left, for half a message would be the end of the connection; the
    /// stream is cancelled after it.
    fn send_parts(
        self: &Arc<Self>,
        kind: Kind,
        id: u32,
        body: Vec<u8>,
        from: usize,
        limits: &Limits,
        method: &'static Method,
    ) -> Result<(), Error> {
        let size = self.max_frame as usize - frames::OVERHEAD;
        let number = if kind == Kind::Request { method.number } else { 0 };
        let mut at = from;
        loop {
            let waiting = self.clone();
            let _listening = limits.listen(move || {
                drop(lock(&waiting.state));
                waiting.room.notify_all();
            });
            let mut state = lock(&self.state);
            while state.outbox.len() > OUTBOX_LIMIT && state.error.is_none() {
                if let Err(over) = limits.check(method.name) {
                    drop(state);
                    if at > 0 {
                        self.finish_later(kind, id, body, at, method);
                    }
                    return Err(over);
                }
                state = wait(&self.room, state, limits.end);
            }
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            let end = (at + size).min(body.len());
            let more = end < body.len();
            frames::put(&mut state.outbox, kind, id, body.get(at..end).unwrap_or_default(), number, more);
            if let Some(cell) = state.streams.get_mut(&id).filter(|_| !more) {
                cell.sending = false;
                if let Some(reason) = cell.cancel_later.take() {
                    self.say_cancel(&mut state, id, &reason);
                }
            }
            self.flush(state);
            at = end;
            if !more {
                return Ok(());
            }
        }
    }

    fn finish_later(self: &Arc<Self>, kind: Kind, id: u32, body: Vec<u8>, at: usize, method: &'static Method) {
        let rest = self.clone();
        // The handle's own cancel must not come between.
        let mut state = lock(&self.state);
        let was_live = state.streams.get(&id).is_some_and(|cell| cell.live);
        self.forget(&mut state, id);
        drop(state);
        let spawned = std::thread::Builder::new().name("saga writer".into()).spawn(move || {
            if rest.send_parts(kind, id, body, at, &Limits::default(), method).is_ok() && was_live {
                let mut state = lock(&rest.state);
                rest.say_cancel(&mut state, id, "the caller has given up");
                rest.flush(state);
            }
        });
        if let Err(error) = spawned {
            self.lose(Error::lost(error.to_string()));
        }
    }

    fn say_cancel(&self, state: &mut State, id: u32, reason: &str) {
        let body = StreamCancel { reason: reason.into() }.encode();
        frames::put(&mut state.outbox, Kind::Cancel, id, &body, 0, false);
    }

    // Streams

    /// Opens a call or stream with its first message.
    pub(crate) fn open(self: &Arc<Self>, method: &'static Method, body: Vec<u8>, limits: &Limits) -> Result<Stream, Error> {
        if body.len() > self.max_message as usize {
            let message = format!("a message is at most {} bytes, this one has {}", self.max_message, body.len());
            return Err(Error::status(StatusCode::InvalidArgument, message));
        }
        let size = self.max_frame as usize - frames::OVERHEAD;
        let mut state = lock(&self.state);
        if let Some(error) = &state.error {
            return Err(Error::not_processed(error.to_string()));
        }
        if let Some(away) = &state.going_away {
            return Err(Error::not_processed(format!("the server drains: {}", away.reason)));
        }
        let Some(id) = state.last_stream.checked_add(1) else {
            return Err(Error::not_processed("the connection has used up its streams"));
        };
        state.last_stream = id;
        let (items, bytes) = match (self.welcome.initial_items, self.welcome.initial_bytes) {
            (0, _) | (_, 0) => (frames::WINDOW_ITEMS, frames::WINDOW_BYTES),
            given => given,
        };
        let changed = Arc::new(Condvar::new());
        let cell = Cell {
            changed: changed.clone(),
            server_streaming: method.server_streaming,
            live: true,
            sending: body.len() > size,
            cancel_later: None,
            assembler: Assembler::default(),
            inbox: std::collections::VecDeque::new(),
            error: None,
            ended_by_peer: false,
            ended_by_us: !method.client_streaming,
            send_items: items.into(),
            send_bytes: bytes.into(),
            consumed_items: 0,
            consumed_bytes: 0,
        };
        state.streams.insert(id, cell);
        state.live += 1;
        // The first frame leaves before any later stream's: ids must increase on the wire.
        let first = body.get(..size).unwrap_or(&body);
        frames::put(&mut state.outbox, Kind::Request, id, first, method.number, body.len() > size);
        self.flush(state);
        let stream = Stream::new(self.clone(), id, method, changed);
        if body.len() > size {
            self.send_parts(Kind::Request, id, body, size, limits, method)?;
        }
        Ok(stream)
    }

    fn forget(&self, state: &mut State, id: u32) {
        if let Some(cell) = state.streams.get_mut(&id).filter(|cell| cell.live) {
            cell.live = false;
            state.live -= 1;
        }
    }

    fn is_drained(state: &State) -> bool {
        state.going_away.is_some() && state.live == 0
    }

    /// The next message of a stream, none after the last.
    pub(crate) fn receive(
        self: &Arc<Self>,
        id: u32,
        changed: &Arc<Condvar>,
        limits: &Limits,
        method: &'static str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let (waiting, wakes) = (self.clone(), changed.clone());
        let _listening = limits.listen(move || {
            drop(lock(&waiting.state));
            wakes.notify_all();
        });
        let mut state = lock(&self.state);
        loop {
            let Some(cell) = state.streams.get_mut(&id) else { return Err(Error::lost("the stream is closed")) };
            if let Some(message) = cell.inbox.pop_front() {
                if let Some(credit) = cell.consume(message.len()) {
                    frames::put(&mut state.outbox, Kind::Credit, id, &credit, 0, false);
                    self.flush(state);
                }
                return Ok(Some(message));
            }
            if let Some(error) = &cell.error {
                return Err(error.clone());
            }
            if cell.ended_by_peer {
                return Ok(None);
            }
            limits.check(method)?;
            state = wait(changed, state, limits.end);
        }
    }

    /// Sends an item; it waits while the peer's window is full.
    pub(crate) fn send(
        self: &Arc<Self>,
        id: u32,
        changed: &Arc<Condvar>,
        body: Vec<u8>,
        limits: &Limits,
        method: &'static Method,
    ) -> Result<(), Error> {
        if body.len() > self.max_message as usize {
            let message = format!("a message is at most {} bytes, this one has {}", self.max_message, body.len());
            return Err(Error::status(StatusCode::InvalidArgument, message));
        }
        let (waiting, wakes) = (self.clone(), changed.clone());
        let _listening = limits.listen(move || {
            drop(lock(&waiting.state));
            wakes.notify_all();
        });
        let mut state = lock(&self.state);
        loop {
            let Some(cell) = state.streams.get_mut(&id) else { return Err(Error::lost("the stream is closed")) };
            if let Some(error) = &cell.error {
                return Err(error.clone());
            }
            if cell.ended_by_us {
                return Err(Error::Invalid("the stream is half-closed".into()));
            }
            if cell.send_items > 0 && cell.send_bytes > 0 {
                cell.send_items -= 1;
                cell.send_bytes -= body.len() as i64;
                cell.sending = true;
                break;
            }
            limits.check(method.name)?;
            state = wait(changed, state, limits.end);
        }
        drop(state);
        self.send_parts(Kind::Item, id, body, 0, limits, method)
    }

    /// Half-closes: no further item from this side.
    pub(crate) fn end(self: &Arc<Self>, id: u32) {
        let mut state = lock(&self.state);
        let Some(cell) = state.streams.get_mut(&id) else { return };
        if cell.ended_by_us || cell.error.is_some() {
            return;
        }
        cell.ended_by_us = true;
        let over = cell.ended_by_peer;
        frames::put(&mut state.outbox, Kind::End, id, &[], 0, false);
        if over {
            self.forget(&mut state, id);
        }
        self.flush(state);
    }

    /// Ends both directions if they have not ended; it never undoes what the call has changed.
    pub(crate) fn cancel(self: &Arc<Self>, id: u32, reason: &str) {
        let mut state = lock(&self.state);
        let Some(cell) = state.streams.get_mut(&id) else { return };
        let live = cell.live;
        cell.close(Error::status(StatusCode::Cancelled, reason));
        let changed = cell.changed.clone();
        if cell.sending && live {
            cell.cancel_later = Some(reason.into());
        } else if live {
            self.say_cancel(&mut state, id, reason);
        }
        state.wake.push(changed);
        self.forget(&mut state, id);
        let drained = Self::is_drained(&state);
        self.flush(state);
        if drained {
            self.lose(Error::lost("drained"));
        }
    }

    /// The handle is gone.
    pub(crate) fn drop_stream(self: &Arc<Self>, id: u32) {
        let mut state = lock(&self.state);
        self.forget_and_cancel(&mut state, id);
        let drained = Self::is_drained(&state);
        self.flush(state);
        if drained {
            self.lose(Error::lost("drained"));
        }
    }

    fn forget_and_cancel(&self, state: &mut State, id: u32) {
        if let Some(cell) = state.streams.remove(&id).filter(|cell| cell.live) {
            state.live -= 1;
            // The rest of a message that is still on its way is sent by `finish_later`, and the CANCEL with it.
            if !cell.sending {
                self.say_cancel(state, id, "no longer wanted");
            }
        }
    }

    // Receiving

    /// Reads until it cannot; the reason.
    fn read(self: &Arc<Self>, mut splitter: Splitter) -> Error {
        let mut bytes = vec![0; 64 << 10];
        loop {
            if let Err(error) = self.dispatch(&mut splitter) {
                return error;
            }
            match (&self.socket).read(&mut bytes) {
                Ok(0) => return Error::lost("the server has closed the connection"),
                Ok(count) => {
                    let mut cipher = lock(&self.cipher);
                    let opened = cipher.open(bytes.get(..count).unwrap_or_default(), |plain| splitter.add(plain));
                    let news = cipher.has_news();
                    drop(cipher);
                    if news {
                        lock(&self.state).news = true;
                    }
                    match opened {
                        Ok(true) => {}
                        Ok(false) => {
                            let _ = self.dispatch(&mut splitter);
                            return Error::lost("the server has closed the connection");
                        }
                        Err(reason) => return Error::lost(reason),
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if let Err(error) = self.keep_alive() {
                        return error;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Error::lost(error.to_string()),
            }
        }
    }

    fn keep_alive(self: &Arc<Self>) -> Result<(), Error> {
        let mut state = lock(&self.state);
        if let Some(error) = &state.error {
            return Err(error.clone());
        }
        let since = |moment: Option<Instant>| moment.map_or(Duration::ZERO, |moment| moment.elapsed());
        if since(state.last_received) >= CLOSE_AFTER {
            return Err(Error::lost("the server was silent for too long"));
        }
        if since(state.last_sent) >= PING_AFTER {
            frames::put(&mut state.outbox, Kind::Ping, 0, b"saga-rs1", 0, false);
        }
        let drained = Self::is_drained(&state);
        self.flush(state);
        if drained {
            return Err(Error::lost("drained"));
        }
        Ok(())
    }

    /// Handles the frames that have come.
    fn dispatch(self: &Arc<Self>, splitter: &mut Splitter) -> Result<(), Error> {
        let limit = self.max_frame.max(frames::DEFAULT_MAX_FRAME);
        let mut state = lock(&self.state);
        state.last_received = Some(Instant::now());
        let mut bad = None;
        loop {
            match splitter.next(limit) {
                Ok(None) => break,
                Ok(Some(frame)) => match self.take(&mut state, frame) {
                    Ok(()) => {}
                    Err(error) => {
                        bad = Some(error);
                        break;
                    }
                },
                Err(reason) => {
                    bad = Some(Error::lost(format!("the server sent {reason}")));
                    break;
                }
            }
        }
        if since_long(state.last_sent) {
            frames::put(&mut state.outbox, Kind::Ping, 0, b"saga-rs1", 0, false);
        }
        if Self::is_drained(&state) {
            bad = bad.or_else(|| Some(Error::lost("drained")));
        }
        let lost = state.error.clone();
        self.flush(state);
        match bad.or(lost) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn take(&self, state: &mut State, frame: Frame) -> Result<(), Error> {
        let unreadable = |error: crate::protobuf::DecodeError| Error::lost(format!("the server sent {error}"));
        if frame.stream != 0 {
            if frame.stream > state.last_stream {
                return Err(Error::lost(format!("the server sent a frame for stream {}, never opened", frame.stream)));
            }
            let id = frame.stream;
            let Some(cell) = state.streams.get_mut(&id).filter(|cell| cell.live) else { return Ok(()) };
            let over = cell
                .take(frame, self.max_message, &self.values)
                .map_err(|reason| Error::lost(format!("the server sent {reason}")))?;
            let changed = cell.changed.clone();
            state.wake.push(changed);
            if over {
                self.forget(state, id);
            }
            return Ok(());
        }
        match frame.kind {
            Kind::Ping => frames::put(&mut state.outbox, Kind::Pong, 0, &frame.body, 0, false),
            Kind::GoAway => {
                let away = GoAway::decode(&frame.body).map_err(unreadable)?;
                let above: Vec<u32> = state
                    .streams
                    .iter()
                    .filter(|(id, cell)| **id > away.last_stream_id && cell.live)
                    .map(|(id, _)| *id)
                    .collect();
                for id in above {
                    self.forget(state, id);
                    if let Some(cell) = state.streams.get_mut(&id) {
                        cell.close(Error::not_processed(format!("the server drains: {}", away.reason)));
                        let changed = cell.changed.clone();
                        state.wake.push(changed);
                    }
                }
                state.going_away = Some(away);
            }
            Kind::Error => {
                let status = v1::Status::decode(&frame.body).map_err(unreadable)?;
                return Err(Error::lost(Status::from_wire(status, &self.values).to_string()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the connection, once: streams end with the error, and what was said last leaves if the peer takes it at once.
    pub(crate) fn lose(&self, error: Error) {
        let mut state = lock(&self.state);
        if state.error.is_some() {
            return;
        }
        let mut wake = std::mem::take(&mut state.wake);
        for cell in state.streams.values_mut() {
            if cell.live {
                cell.close(error.clone());
                cell.live = false;
            }
            wake.push(cell.changed.clone());
        }
        state.live = 0;
        state.error = Some(error);
        let last = std::mem::take(&mut state.outbox);
        let free = !state.writing;
        state.writing = true;
        drop(state);
        self.room.notify_all();
        wake.iter().for_each(|changed| changed.notify_all());
        if free {
            let mut cipher = lock(&self.cipher);
            if let Ok(sealed) = cipher.seal(last) {
                let _ = self.put(sealed, false);
                cipher.goodbye();
                let _ = cipher.seal(Vec::new()).and_then(|sealed| self.put(sealed, false));
            }
        }
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn since_long(moment: Option<Instant>) -> bool {
    moment.is_some_and(|moment| moment.elapsed() >= PING_AFTER)
}

impl Cell {
    fn close(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Handles a frame of this stream; true if it was the last.
    fn take(&mut self, frame: Frame, max_message: u32, values: &Values) -> Result<bool, String> {
        let kind = frame.kind;
        match kind {
            Kind::Credit => {
                let Ok([i0, i1, i2, i3, b0, b1, b2, b3]) = <[u8; 8]>::try_from(frame.body.as_slice()) else {
                    return Err("a CREDIT that has not 8 bytes".into());
                };
                self.send_items = self.send_items.saturating_add(u32::from_be_bytes([i0, i1, i2, i3]).into());
                self.send_bytes = self.send_bytes.saturating_add(u32::from_be_bytes([b0, b1, b2, b3]).into());
                return Ok(false);
            }
            Kind::End => {
                self.ended_by_peer = true;
                return Ok(self.ended_by_us);
            }
            Kind::Cancel => {
                let told = StreamCancel::decode(&frame.body).map_err(|error| error.to_string())?;
                self.close(Error::status(StatusCode::Cancelled, told.reason));
                return Ok(true);
            }
            Kind::Response | Kind::Item | Kind::Error => {}
            other => return Err(format!("frame kind {other:?} on a stream")),
        }
        let Some(body) = self.assembler.add(frame, max_message)? else { return Ok(false) };
        if kind == Kind::Error {
            let status = v1::Status::decode(&body).map_err(|error| error.to_string())?;
            self.close(Status::from_wire(status, values));
            return Ok(true);
        }
        // After items a RESPONSE says nothing but that there are no more.
        if kind != Kind::Response || !self.server_streaming {
            self.inbox.push_back(body);
        }
        if kind == Kind::Response {
            self.ended_by_peer = true;
            self.ended_by_us = true;
        }
        Ok(kind == Kind::Response)
    }

    /// Grants the window again in halves.
    fn consume(&mut self, size: usize) -> Option<[u8; 8]> {
        if !self.server_streaming || !self.live || self.ended_by_peer {
            return None;
        }
        self.consumed_items += 1;
        self.consumed_bytes = self.consumed_bytes.saturating_add(u32::try_from(size).unwrap_or(u32::MAX));
        if self.consumed_items < frames::WINDOW_ITEMS / 2 && self.consumed_bytes < frames::WINDOW_BYTES / 2 {
            return None;
        }
        let mut credit = [0; 8];
        credit[..4].copy_from_slice(&self.consumed_items.to_be_bytes());
        credit[4..].copy_from_slice(&self.consumed_bytes.to_be_bytes());
        (self.consumed_items, self.consumed_bytes) = (0, 0);
        Some(credit)
    }
}

fn hello(
    socket: &TcpStream,
    cipher: &mut Cipher,
    splitter: &mut Splitter,
    config: &Config,
    end: Instant,
) -> Result<Welcome, Error> {
    let said = Hello {
        sdk_name: "rust".into(),
        sdk_version: env!("CARGO_PKG_VERSION").into(),
        namespace: config.namespace.clone(),
        token: config.token.clone(),
        identity: identity(),
        ..Hello::default()
    };
    let mut plain = Vec::new();
    frames::put(&mut plain, Kind::Hello, 0, &said.encode(), 0, false);
    let sealed = cipher.seal(plain).map_err(Error::lost)?;
    let _ = socket.set_write_timeout(Some(end.saturating_duration_since(Instant::now()).max(AT_ONCE)));
    let mut to = socket;
    to.write_all(&sealed).map_err(|error| Error::lost(error.to_string()))?;
    // In TLS 1.3 a refused client certificate shows only here, on the first read.
    let mut bytes = vec![0; 16 << 10];
    let first = loop {
        if let Some(frame) =
            splitter.next(frames::DEFAULT_MAX_FRAME).map_err(|reason| Error::lost(format!("the server sent {reason}")))?
        {
            break frame;
        }
        let count = tls::receive(socket, end, &mut bytes)?;
        let open = cipher.open(bytes.get(..count).unwrap_or_default(), |plain| splitter.add(plain));
        if !open.map_err(|reason| Error::lost(format!("during the hello: {reason}")))? && splitter.is_empty() {
            return Err(Error::lost("the server has closed the connection"));
        }
    };
    let unreadable = |error: crate::protobuf::DecodeError| Error::lost(format!("the server sent {error}"));
    match first.kind {
        Kind::Welcome => Welcome::decode(&first.body).map_err(unreadable),
        Kind::Error => Err(Status::from_wire(v1::Status::decode(&first.body).map_err(unreadable)?, &config.values)),
        other => Err(Error::lost(format!("the server sent {other:?} instead of WELCOME"))),
    }
}

/// Who this is, for people.
pub(crate) fn identity() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "rust".into());
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_else(|_| "localhost".into());
    cut(&format!("{user}@{}/{}", host.trim(), std::process::id()), 255)
}
