//! Streams of messages.

use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex};

use crate::call::{lock, Limits};
use crate::connection::Connection;
use crate::error::Error;
use crate::protobuf::Message;
use crate::rpc::Method;

/// A call or stream. Dropped before its end, it is cancelled.
pub(crate) struct Stream {
    connection: Arc<Connection>,
    id: u32,
    method: &'static Method,
    changed: Arc<Condvar>,
    /// One message at a time.
    sending: Mutex<()>,
    pub(crate) limits: Limits,
}

impl Stream {
    pub(crate) fn new(connection: Arc<Connection>, id: u32, method: &'static Method, changed: Arc<Condvar>) -> Self {
        Self { connection, id, method, changed, sending: Mutex::new(()), limits: Limits::default() }
    }

    /// The next message, none after the last.
    pub(crate) fn receive<M: Message>(&self, limits: &Limits) -> Result<Option<M>, Error> {
        let Some(body) = self.connection.receive(self.id, &self.changed, limits, self.method.name)? else { return Ok(None) };
        M::decode(&body).map(Some).map_err(|problem| {
            let error = Error::lost(format!("the server sent {problem}"));
            self.connection.lose(error.clone());
            error
        })
    }

    fn send(&self, item: &impl Message) -> Result<(), Error> {
        let _one = lock(&self.sending);
        self.connection.send(self.id, &self.changed, item.encode(), &self.limits, self.method)
    }

    fn end(&self) {
        let _one = lock(&self.sending);
        self.connection.end(self.id);
    }

    pub(crate) fn cancel(&self, reason: &str) {
        self.connection.cancel(self.id, reason);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.drop_stream(self.id);
    }
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident<$($parameter:ident),*>;)*) => {$(
        $(#[$doc])*
        pub struct $name<$($parameter),*> {
            stream: Stream,
            of: PhantomData<fn() -> ($($parameter),*,)>,
        }

        impl<$($parameter),*> $name<$($parameter),*> {
            /// Ends the stream.
            pub fn cancel(&self) {
                self.stream.cancel("no longer wanted");
            }
        }

        impl<$($parameter),*> From<Stream> for $name<$($parameter),*> {
            fn from(stream: Stream) -> Self {
                Self { stream, of: PhantomData }
            }
        }

        impl<$($parameter),*> std::fmt::Debug for $name<$($parameter),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.stream.method.name)
            }
        }
    )*};
}

handles! {
    /// Messages from the server, in order; an iterator over them. It ends after the first error.
    ServerStream<Res>;
    /// Messages to the server, and one answer.
    ClientStream<Req, Res>;
    /// Messages both ways; any thread may send while another receives.
    DuplexStream<Req, Res>;
}

impl<Res: Message> ServerStream<Res> {
    /// The next message, none after the last.
    ///
    /// # Errors
    /// The server or the caller has ended the stream, or the connection is lost.
    pub fn receive(&self) -> Result<Option<Res>, Error> {
        self.stream.receive(&self.stream.limits)
    }
}

impl<Res: Message> Iterator for ServerStream<Res> {
    type Item = Result<Res, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receive().transpose()
    }
}

impl<Req: Message, Res: Message> ClientStream<Req, Res> {
    /// Sends a message; it waits while the server's window is full.
    ///
    /// # Errors
    /// The server or the caller has ended the stream, or the connection is lost.
    pub fn send(&self, item: &Req) -> Result<(), Error> {
        self.stream.send(item)
    }

    /// Says that no more messages come, and waits for the answer.
    ///
    /// # Errors
    /// The server says no, or the connection is lost.
    pub fn finish(self) -> Result<Res, Error> {
        self.stream.end();
        let answer = self.stream.receive(&self.stream.limits)?;
        answer.ok_or_else(|| Error::lost("the server ended the call without an answer"))
    }
}

impl<Req: Message, Res: Message> DuplexStream<Req, Res> {
    /// Sends a message; it waits while the server's window is full.
    ///
    /// # Errors
    /// The server or the caller has ended the stream, or the connection is lost.
    pub fn send(&self, item: &Req) -> Result<(), Error> {
        self.stream.send(item)
    }

    /// Says that no more messages come from here.
    pub fn end(&self) {
        self.stream.end();
    }

    /// The next message, none after the last.
    ///
    /// # Errors
    /// The server or the caller has ended the stream, or the connection is lost.
    pub fn receive(&self) -> Result<Option<Res>, Error> {
        self.stream.receive(&self.stream.limits)
    }
}
