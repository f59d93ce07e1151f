//! What holds for one call: deadline, cancellation, ids.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;

/// A lock that a panic elsewhere does not spoil: what it guards is changed in whole steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a change, at most until a moment.
pub(crate) fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>, end: Option<Instant>) -> MutexGuard<'a, T> {
    match end {
        None => changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
        Some(end) => {
            let left = end.saturating_duration_since(Instant::now());
            changed.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
        }
    }
}

/// Cancels calls from another thread; all clones are one token.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Token>);

#[derive(Default)]
struct Token {
    cancelled: AtomicBool,
    listeners: Mutex<Listeners>,
    changed: Condvar,
}

type Listener = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Listeners {
    next: u64,
    all: BTreeMap<u64, Listener>,
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels everything that looks at this token, for good.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let told: Vec<Listener> = lock(&self.0.listeners).all.values().cloned().collect();
        self.0.changed.notify_all();
        told.iter().for_each(|listener| listener());
    }

    /// It was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Sleeps; true as soon as it is cancelled, false when the time has passed.
    pub fn wait(&self, time: Duration) -> bool {
        let end = Instant::now().checked_add(time);
        let mut guard = lock(&self.0.listeners);
        while !self.is_cancelled() && end.map_or(true, |end| Instant::now() < end) {
            guard = wait(&self.0.changed, guard, end);
        }
        self.is_cancelled()
    }

    /// Calls a function when it is cancelled, until the guard is dropped. The function takes the lock of whoever waits.
    pub(crate) fn listen(&self, listener: impl Fn() + Send + Sync + 'static) -> Listening {
        let mut listeners = lock(&self.0.listeners);
        listeners.next += 1;
        let id = listeners.next;
        listeners.all.insert(id, Arc::new(listener));
        drop(listeners);
        Listening(self.clone(), id)
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelToken").field(&self.is_cancelled()).finish()
    }
}

pub(crate) struct Listening(CancelToken, u64);

impl Drop for Listening {
    fn drop(&mut self) {
        lock(&self.0 .0.listeners).all.remove(&self.1);
    }
}

/// What holds for the calls of a [`Client::with`](crate::Client::with).
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub(crate) timeout: Option<Duration>,
    pub(crate) cancel: Option<CancelToken>,
    pub(crate) request_id: String,
    pub(crate) saga_id: Vec<u8>,
    pub(crate) signal_id: String,
    pub(crate) update_id: String,
    pub(crate) reason: String,
    pub(crate) page_size: u32,
}

impl Call {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long each call may take, repeats included. Default 30 s; for results and streams none.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Lets another thread end the call.
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// The caller's own id of one change: a repeat with the same id does nothing twice. At most 128 bytes. Default: a new one
    /// for each call.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = id.into();
        self
    }

    /// One run of a workflow id, by its 16 bytes. Default: the open one, else the latest.
    #[must_use]
    pub fn run(mut self, saga_id: impl Into<Vec<u8>>) -> Self {
        self.saga_id = saga_id.into();
        self
    }

    /// The same signal id twice is one signal. Default: the request id.
    #[must_use]
    pub fn signal_id(mut self, id: impl Into<String>) -> Self {
        self.signal_id = id.into();
        self
    }

    /// The same update id twice is one update. Default: the request id.
    #[must_use]
    pub fn update_id(mut self, id: impl Into<String>) -> Self {
        self.update_id = id.into();
        self
    }

    /// Kept with what the call changes, for people; where a call has no parameter for it.
    #[must_use]
    pub fn reason(mut self, text: impl Into<String>) -> Self {
        self.reason = text.into();
        self
    }

    /// How many entries a list fetches at once. Default 100.
    #[must_use]
    pub fn page_size(mut self, entries: u32) -> Self {
        self.page_size = entries;
        self
    }
}

/// Until when, and until whom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) end: Option<Instant>,
    pub(crate) cancel: Option<CancelToken>,
}

impl Limits {
    pub(crate) fn of(call: &Call, otherwise: Option<Duration>) -> Self {
        let end = call.timeout.or(otherwise).and_then(|timeout| Instant::now().checked_add(timeout));
        Self { end, cancel: call.cancel.clone() }
    }

    /// The error if it is over.
    pub(crate) fn check(&self, method: &'static str) -> Result<(), Error> {
        if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Err(Error::Cancelled { method });
        }
        match self.end {
            Some(end) if Instant::now() >= end => Err(Error::deadline(method)),
            _ => Ok(()),
        }
    }

    /// Sleeps; the error if it is over before.
    pub(crate) fn sleep(&self, pause: Duration, method: &'static str) -> Result<(), Error> {
        let pause = self.end.map_or(pause, |end| pause.min(end.saturating_duration_since(Instant::now())));
        match &self.cancel {
            Some(token) => drop(token.wait(pause)),
            None => std::thread::sleep(pause),
        }
        self.check(method)
    }

    pub(crate) fn listen(&self, listener: impl Fn() + Send + Sync + 'static) -> Option<Listening> {
        self.cancel.as_ref().map(|token| token.listen(listener))
    }
}

/// Doubles, each pause shortened at random by up to half.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    next: Duration,
    most: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self { first, next: first, most }
    }

    pub(crate) fn take(&mut self) -> Duration {
        let share = u32::from(random::<1>()[0]);
        let pause = self.next - self.next / 2 * share / 255;
        self.next = (self.next * 2).min(self.most);
        pause
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut made = [0; N];
    // It fails only where the system has no randomness; then TLS has failed before.
    let _ = openssl::rand::rand_bytes(&mut made);
    made
}

pub(crate) fn new_id() -> String {
    random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_wakes_who_waits() {
        let token = CancelToken::new();
        assert!(!token.wait(Duration::from_millis(5)));
        let heard = Arc::new(AtomicBool::new(false));
        let told = heard.clone();
        let kept = token.listen(move || told.store(true, Ordering::SeqCst));
        drop(token.listen(|| panic!("it no longer listens")));
        let other = token.clone();
        let waiting = std::thread::spawn(move || other.wait(Duration::from_secs(60)));
        token.cancel();
        assert!(waiting.join().unwrap() && heard.load(Ordering::SeqCst));
        drop(kept);
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for most in [100, 200, 400, 800, 1_000, 1_000] {
            let (pause, most) = (backoff.take(), Duration::from_millis(most));
            assert!(pause <= most && pause >= most / 2, "{pause:?} of {most:?}");
        }
    }

    #[test]
    fn ids_differ() {
        let (one, other) = (new_id(), new_id());
        assert!(one.len() == 32 && one != other);
    }
}
