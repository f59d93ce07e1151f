//! The feed of committed events, and runs on their way from one server to another.

use std::time::{Duration, Instant};

use crate::call::{Backoff, Limits};
use crate::client::Client;
use crate::error::Error;
use crate::stream::ServerStream;
use crate::v1::*;

const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// What of the feed, and from where. `Default` is everything from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribe {
    position: Vec<u8>,
    from_beginning: bool,
    event_types: Vec<u32>,
    workflow_types: Vec<String>,
}

impl Subscribe {
    /// Everything from now on.
    pub fn from_now() -> Self {
        Self::default()
    }

    /// Everything there is.
    pub fn from_beginning() -> Self {
        Self { from_beginning: true, ..Self::default() }
    }

    /// Everything after an item with that position.
    pub fn after(position: impl Into<Vec<u8>>) -> Self {
        Self { position: position.into(), ..Self::default() }
    }

    /// Only events of these codes. At most 64.
    #[must_use]
    pub fn event_types(mut self, codes: impl IntoIterator<Item = u32>) -> Self {
        self.event_types = codes.into_iter().collect();
        self
    }

    /// Only events of sagas of these types. At most 32.
    #[must_use]
    pub fn workflow_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.workflow_types = types.into_iter().map(Into::into).collect();
        self
    }
}

/// # The feed, and runs from server to server
#[allow(clippy::missing_errors_doc)] // each: `Error::Status` if the server says no, `Error::ConnectionLost`, `Error::Cancelled`
impl Client {
    /// The feed of committed events; an iterator that opens it with the first item that is asked for.
    pub fn subscribe(&self, wanted: Subscribe) -> Subscription {
        let Subscribe { position, from_beginning, event_types, workflow_types } = wanted;
        Subscription {
            client: self.clone(),
            request: SubscribeRequest { position, from_beginning, event_types, workflow_types, ..Default::default() },
            limits: Limits::of(&self.call, None),
            stream: None,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(5)),
            failing: None,
            over: false,
        }
    }

    /// Everything of a run, in parts, for [`Client::import_history`] of another server. A lost connection ends it: begin again.
    pub fn export_history(&self, workflow_id: &str) -> Result<ServerStream<HistoryChunk>, Error> {
        let workflow = Some(WorkflowRef { workflow_id: workflow_id.into(), saga_id: self.call.saga_id.clone() });
        self.workflows().export_history(ExportHistoryRequest { workflow, ..Default::default() })
    }

    /// Stores an exported run, or nothing of it: `there.import_history(here.export_history("trip-1")?)`. Durable when it returns.
    /// After [`Error::ConnectionLost`] do it again: a run that is there with the same events is a success.
    /// [`StatusCode::AlreadyExists`] means that it is there with other or fewer events.
    pub fn import_history(
        &self,
        chunks: impl IntoIterator<Item = Result<HistoryChunk, Error>>,
    ) -> Result<ImportHistoryResponse, Error> {
        let part = |chunk: Result<HistoryChunk, Error>| {
            Ok::<_, Error>(ImportHistoryRequest { chunk: Some(chunk?), ..Default::default() })
        };
        let mut chunks = chunks.into_iter();
        let first = chunks.next().ok_or_else(|| Error::Invalid("there is no chunk to import".into()))?;
        // The first travels with the call itself.
        let stream = self.workflows().import_history(part(first)?)?;
        for chunk in chunks {
            stream.send(&part(chunk)?)?;
        }
        stream.finish()
    }
}

/// The feed of committed events: each item has some events of one saga or aggregate, each event comes at least once, in the order
/// of the commits for each saga.
///
/// It never ends by itself and goes on over lost connections after the last item that was taken; without a connection for 30 s it
/// ends with the error. An item's `position`, kept with what was done about it, is where [`Subscribe::after`] goes on. Another thread
/// ends it by the token of [`Call::cancel`](crate::Call::cancel).
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    request: SubscribeRequest,
    limits: Limits,
    stream: Option<ServerStream<SubscriptionItem>>,
    backoff: Backoff,
    failing: Option<Instant>,
    over: bool,
}

impl Subscription {
    /// Where to go on after the last item that was taken; empty until the server has said where the feed begins.
    pub fn position(&self) -> &[u8] {
        &self.request.position
    }

    fn take(&mut self) -> Result<SubscriptionItem, Error> {
        let stream = match &self.stream {
            Some(stream) => stream,
            None => {
                // What is left of the time, for the stream that is opened now.
                let mut client = self.client.clone();
                client.call.timeout = self.limits.end.map(|end| end.saturating_duration_since(Instant::now()));
                let made = client.events().subscribe(self.request.clone())?;
                self.stream.insert(made)
            }
        };
        loop {
            let item = stream.receive()?.ok_or_else(|| Error::lost("the server ended the subscription"))?;
            self.backoff.reset();
            self.failing = None;
            self.request.position.clone_from(&item.position);
            // Without events it only says how far the feed is.
            if !item.events.is_empty() {
                return Ok(item);
            }
        }
    }

    fn again(&mut self, error: Error) -> Result<(), Error> {
        self.stream = None;
        let mut pause = self.backoff.take();
        let retried = match &error {
            Error::Status(status) if matches!(status.code, StatusCode::Unavailable | StatusCode::ResourceExhausted) => {
                pause = pause.max(status.retry_after);
                true
            }
            error => error.is_connection_lost(),
        };
        let failing = *self.failing.get_or_insert_with(Instant::now);
        if self.client.is_closed() || !retried || failing.elapsed() > GIVE_UP_AFTER {
            return Err(error);
        }
        self.limits.sleep(pause, "Events.Subscribe")
    }
}

impl Iterator for Subscription {
    type Item = Result<SubscriptionItem, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            match self.take() {
                Ok(item) => return Some(Ok(item)),
                Err(error) => {
                    if let Err(error) = self.again(error) {
                        self.over = true;
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }
}
