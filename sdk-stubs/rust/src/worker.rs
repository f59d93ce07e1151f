//! The activity worker: one stream, tasks on threads of its own, reports that are kept until the server has them.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use crate::activity::{ActivityContext, Cancelled, Failure, Undo};
use crate::call::{lock, wait, Backoff, Call, CancelToken};
use crate::client::Client;
use crate::connection::identity;
use crate::error::{Error, SagaError};
use crate::stream::DuplexStream;
use crate::v1::*;
use crate::value::{FromValue, ToValue, Value, Values};

type Function = Arc<dyn Fn(&ActivityContext, &ActivityTask, &Values) -> Result<Value, Failure> + Send + Sync>;
type Log = Arc<dyn Fn(&str) + Send + Sync>;
type WorkStream = DuplexStream<WorkerItem, ServerItem>;
type Token = Vec<u8>;

/// Says what a worker serves; made by [`Worker::builder`].
#[must_use]
pub struct WorkerBuilder {
    client: Client,
    queues: Vec<String>,
    places: usize,
    identity: String,
    drain_timeout: Duration,
    log: Log,
    activities: BTreeMap<String, Function>,
}

impl WorkerBuilder {
    /// Serves a task queue; at least one.
    pub fn task_queue(mut self, queue: impl Into<String>) -> Self {
        self.queues.push(queue.into());
        self
    }

    /// How many activities run at the same time. Default 20; at most 4,096.
    pub fn max_concurrent(mut self, places: usize) -> Self {
        self.places = places;
        self
    }

    /// Who this is, for people. Default `user@host/pid`.
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = identity.into();
        self
    }

    /// How long running activities get after a stop before they are asked to stop, too. Default 30 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Gets warnings. Default: standard error.
    pub fn log(mut self, log: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.log = Arc::new(log);
        self
    }

    /// Serves an activity under the name that workflows call it by.
    pub fn activity<In, Out, F>(self, name: impl Into<String>, function: F) -> Self
    where
        In: FromValue,
        Out: ToValue,
        F: Fn(&ActivityContext, In) -> Result<Out, Failure> + Send + Sync + 'static,
    {
        self.serve(name, move |context, task, values| {
            let input = values.decode(task.input.clone()).map_err(unreadable)?;
            Ok(function(context, input)?.to_value()?)
        })
    }

    /// Serves an activity that undoes a step whose input is an `In` and whose output an `Out`. What it returns stands in the
    /// history.
    pub fn undo<In, Out, Done, F>(self, name: impl Into<String>, function: F) -> Self
    where
        In: FromValue,
        Out: FromValue,
        Done: ToValue,
        F: Fn(&ActivityContext, Undo<In, Out>) -> Result<Done, Failure> + Send + Sync + 'static,
    {
        self.serve(name, move |context, task, values| {
            let told = task.undo.clone().unwrap_or_default();
            let undo = Undo {
                input: values.decode(task.input.clone()).map_err(unreadable)?,
                output: told.output.map(|output| values.decode(Some(output))).transpose().map_err(unreadable)?,
                outcome: told.outcome.into(),
                idempotency_key: told.step_key,
                data: values.value(told.data),
            };
            Ok(function(context, undo)?.to_value()?)
        })
    }

    fn serve<F>(mut self, name: impl Into<String>, function: F) -> Self
    where
        F: Fn(&ActivityContext, &ActivityTask, &Values) -> Result<Value, Failure> + Send + Sync + 'static,
    {
        self.activities.insert(name.into(), Arc::new(function));
        self
    }

    /// Makes the worker; nothing is served yet.
    ///
    /// # Errors
    /// [`Error::Invalid`]: no queue, or an impossible number of places.
    pub fn build(self) -> Result<Worker, Error> {
        if self.queues.is_empty() || self.places < self.queues.len() || self.places > 4_096 {
            let what = "give at least one task queue, and max_concurrent from their number to 4096";
            return Err(Error::Invalid(what.into()));
        }
        Ok(Worker(Arc::new(Shared {
            client: self.client,
            queues: self.queues,
            places: self.places,
            identity: self.identity,
            drain_timeout: self.drain_timeout,
            log: self.log,
            activities: self.activities,
            state: Mutex::default(),
            changed: Condvar::new(),
            clock: Condvar::new(),
            work: Condvar::new(),
        })))
    }
}

impl fmt::Debug for WorkerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerBuilder({})", self.queues.join(", "))
    }
}

fn unreadable(error: Error) -> Failure {
    let what = format!("the input cannot be read: {error}");
    Failure::from(SagaError::new(ErrorKind::Codec, "", what)).no_effect()
}

/// Serves activities until it is stopped. Every task gets one report, which is kept until the server has acknowledged it and
/// sent again over a new stream if need be. A lost stream is opened again with backoff; activities go on meanwhile.
///
/// Clones are the same worker: keep one to [`stop`](Self::stop) it while another thread is in [`run`](Self::run).
#[derive(Clone)]
pub struct Worker(Arc<Shared>);

pub(crate) struct Shared {
    client: Client,
    queues: Vec<String>,
    places: usize,
    identity: String,
    drain_timeout: Duration,
    log: Log,
    activities: BTreeMap<String, Function>,
    state: Mutex<State>,
    changed: Condvar,
    clock: Condvar,
    /// There is a task for a thread, or there will be none any more.
    work: Condvar,
}

#[derive(Default)]
struct State {
    runs: HashMap<Token, Arc<Run>>,
    reports: HashMap<Token, WorkerItem>,
    /// The stream that is open.
    stream: Option<Arc<WorkStream>>,
    stopping: bool,
    tokens_refused: bool,
    /// The server ends this stream: it is ended from here when nothing runs.
    asked_to_drain: bool,
    /// How far the end of this stream is.
    ending: Ending,
    tasks: VecDeque<Arc<Run>>,
    /// Threads without a task.
    idle: usize,
    /// Nobody is in `run`.
    over: bool,
    /// When the clock looks next by itself, and how often it was told to look.
    clock_next: Option<Instant>,
    version: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Ending {
    #[default]
    NotYet,
    /// Said; those who still run then are asked to stop.
    Said(Instant),
    Asked,
    Done,
}

/// One attempt that runs here.
pub(crate) struct Run {
    task: Arc<ActivityTask>,
    pub(crate) cancel: CancelToken,
    /// Between two heartbeats.
    gap: Duration,
    /// The server's own clock decides; this one ends what would hold a place for ever.
    late: Option<Instant>,
    state: Mutex<RunState>,
}

#[derive(Default)]
struct RunState {
    /// The server asks it to stop.
    asked: bool,
    reported: bool,
    undo_data: Option<Value>,
    details: Option<Value>,
    last_beat: Option<Instant>,
    /// A heartbeat waits for its time.
    due: Option<Instant>,
}

impl Run {
    pub(crate) fn set_undo_data(&self, value: Value) {
        lock(&self.state).undo_data = Some(value);
    }

    fn request_cancel(&self) {
        lock(&self.state).asked = true;
        self.cancel.cancel();
    }
}

impl Worker {
    /// Says what to serve.
    pub fn builder(client: &Client) -> WorkerBuilder {
        WorkerBuilder {
            // Not its deadline: the stream has none.
            client: client.with(Call::default()),
            queues: Vec::new(),
            places: 20,
            identity: identity(),
            drain_timeout: Duration::from_secs(30),
            log: Arc::new(|line| eprintln!("saga worker: {line}")),
            activities: BTreeMap::new(),
        }
    }

    /// Begins to drain: no new task, running ones finish and are acknowledged, then [`run`](Self::run) returns.
    pub fn stop(&self) {
        let mut state = lock(&self.0.state);
        state.stopping = true;
        self.0.poke(&mut state);
        self.0.changed.notify_all();
    }

    /// A stream is open.
    pub fn is_serving(&self) -> bool {
        lock(&self.0.state).stream.is_some()
    }

    /// Waits until a stream is open; false if the time has passed before.
    pub fn wait_until_serving(&self, time: Duration) -> bool {
        let end = Instant::now().checked_add(time);
        let mut state = lock(&self.0.state);
        while state.stream.is_none() && end.map_or(true, |end| Instant::now() < end) {
            state = wait(&self.0.changed, state, end);
        }
        state.stream.is_some()
    }

    /// Serves until [`stop`](Self::stop).
    ///
    /// # Errors
    /// [`Error::Status`] if the server refuses the worker for good (credentials, names), [`Error::ConnectionLost`] if the client was
    /// closed.
    pub fn run(&self) -> Result<(), Error> {
        let shared = &self.0;
        lock(&shared.state).over = false;
        let clock = shared.clone();
        let spawned = std::thread::Builder::new().name("saga worker".into()).spawn(move || clock.keep_time());
        let clock = spawned.map_err(|error| Error::Invalid(format!("no thread: {error}")))?;
        let result = shared.serve();
        let mut state = lock(&shared.state);
        state.over = true;
        state.stream = None;
        state.runs.values().for_each(|run| run.cancel.cancel());
        shared.poke(&mut state);
        drop(state);
        shared.changed.notify_all();
        shared.work.notify_all();
        let _ = clock.join();
        result
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({})", self.0.queues.join(", "))
    }
}

impl State {
    fn is_ending(&self) -> bool {
        self.stopping || self.asked_to_drain
    }

    fn is_idle(&self) -> bool {
        self.runs.is_empty() && self.reports.is_empty()
    }
}

impl Shared {
    fn serve(self: &Arc<Self>) -> Result<(), Error> {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        loop {
            match self.one_stream(&mut backoff) {
                Ok(()) => {}
                Err(Error::Status(status)) => {
                    let mut state = lock(&self.state);
                    if status.message.contains("running_task_tokens") && !state.tokens_refused {
                        // One has expired: its report will be refused by itself, the rest goes on.
                        state.tokens_refused = true;
                        continue;
                    }
                    drop(state);
                    use StatusCode::{InvalidArgument, PermissionDenied, Unauthenticated, Unimplemented};
                    if matches!(status.code, Unauthenticated | PermissionDenied | InvalidArgument | Unimplemented) {
                        return Err(Error::Status(status));
                    }
                    (self.log)(&format!("stream ended: {status}"));
                }
                Err(error) if error.is_connection_lost() && !self.client.is_closed() => {
                    (self.log)(&format!("stream lost: {error}"));
                }
                Err(error) => return Err(error),
            }
            let end = Instant::now() + backoff.take();
            let mut state = lock(&self.state);
            loop {
                if state.stopping && state.is_idle() {
                    return Ok(());
                }
                if Instant::now() >= end {
                    break;
                }
                state = wait(&self.changed, state, Some(end));
            }
        }
    }

    /// One stream to its end.
    fn one_stream(self: &Arc<Self>, backoff: &mut Backoff) -> Result<(), Error> {
        let stream = Arc::new(self.client.workers().work(self.opening())?);
        let mut state = lock(&self.state);
        // Reports that are not acknowledged go out again.
        let again: Vec<WorkerItem> = state.reports.values().cloned().collect();
        state.stream = Some(stream.clone());
        state.asked_to_drain = false;
        state.ending = Ending::NotYet;
        self.poke(&mut state);
        drop(state);
        self.changed.notify_all();
        let ended = again.iter().try_for_each(|report| stream.send(report));
        let ended = ended.and_then(|()| loop {
            match stream.receive() {
                Ok(Some(item)) => {
                    backoff.reset();
                    self.handle(item);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        });
        lock(&self.state).stream = None;
        self.changed.notify_all();
        stream.cancel();
        ended
    }

    fn opening(&self) -> WorkerItem {
        let state = lock(&self.state);
        let known: Vec<&Token> = state.runs.keys().chain(state.reports.keys()).collect();
        let free = if state.stopping { 0 } else { self.places.saturating_sub(known.len()) };
        // One pool of places for all queues, split so that each has at least one if there are enough.
        let count = self.queues.len();
        let slots = self.queues.iter().enumerate().map(|(i, queue)| Slots {
            task_queue: queue.clone(),
            add_activities: (free / count + usize::from(i < free % count)) as u32,
            add_workflows: 0,
        });
        let tokens = if state.tokens_refused { 0 } else { 4_096 };
        let open = WorkOpen {
            identity: self.identity.clone(),
            task_queues: self.queues.clone(),
            activity_types: self.activities.keys().cloned().collect(),
            slots: slots.filter(|slots| slots.add_activities > 0).collect(),
            running_task_tokens: known.into_iter().take(tokens).cloned().collect(),
            ..Default::default()
        };
        item(WorkerItemItem::Open(Box::new(open)))
    }

    fn handle(self: &Arc<Self>, told: ServerItem) {
        lock(&self.state).tokens_refused = false;
        match told.item {
            Some(ServerItemItem::ActivityTask(task)) => self.begin(*task),
            Some(ServerItemItem::CancelActivity(told)) => self.request_cancel(&told.task_token),
            Some(ServerItemItem::HeartbeatAnswer(told)) if told.cancel_requested || !told.current => {
                self.request_cancel(&told.task_token);
            }
            Some(ServerItemItem::Ack(ack)) => {
                let mut state = lock(&self.state);
                state.reports.remove(&ack.task_token);
                if state.is_ending() && state.is_idle() {
                    self.poke(&mut state);
                    self.changed.notify_all();
                }
                drop(state);
                match ack.result {
                    AckResult::Refused => {
                        let why = ack.error.map(|error| error.message).unwrap_or_default();
                        (self.log)(&format!("a report was refused: {why}"));
                    }
                    AckResult::LateEffect => (self.log)("a report came after the undo of its step; the server deals with it"),
                    _ => {}
                }
            }
            Some(ServerItemItem::Drain(_)) => {
                let mut state = lock(&self.state);
                state.asked_to_drain = true;
                self.poke(&mut state);
            }
            _ => {}
        }
    }

    fn request_cancel(&self, token: &Token) {
        let run = lock(&self.state).runs.get(token).cloned();
        if let Some(run) = run {
            run.request_cancel();
        }
    }

    fn begin(self: &Arc<Self>, task: ActivityTask) {
        let token = task.task_token.clone();
        let timeouts = task.timeouts.clone().unwrap_or_default();
        let time = |micros: i64| u64::try_from(micros).ok().filter(|micros| *micros > 0).map(Duration::from_micros);
        let mut state = lock(&self.state);
        if state.runs.contains_key(&token) || state.reports.contains_key(&token) {
            return; // It runs here, or has run: the report is on its way.
        }
        let second = Duration::from_secs(1);
        let run = Arc::new(Run {
            gap: time(timeouts.heartbeat_us).map_or(second, |limit| (limit / 4).min(second)),
            late: time(timeouts.start_to_close_us).and_then(|limit| Instant::now().checked_add(limit)?.checked_add(second)),
            task: Arc::new(task),
            cancel: CancelToken::new(),
            state: Mutex::default(),
        });
        if let Some(late) = run.late {
            self.poke_before(&mut state, late);
        }
        state.runs.insert(token, run.clone());
        state.tasks.push_back(run);
        if state.idle < state.tasks.len() {
            let shared = Arc::downgrade(self);
            let spawned = std::thread::Builder::new().name("saga activity".into()).spawn(move || Self::work(&shared));
            if let Err(error) = spawned {
                // It stays in line for a thread that gets free.
                (self.log)(&format!("no thread for an activity: {error}"));
            }
        }
        drop(state);
        self.work.notify_one();
    }

    /// A thread that carries out tasks, as long as somebody is in `run`.
    fn work(shared: &Weak<Self>) {
        loop {
            let Some(this) = shared.upgrade() else { return };
            let mut state = lock(&this.state);
            let run = loop {
                if let Some(run) = state.tasks.pop_front() {
                    break run;
                }
                if state.over {
                    return;
                }
                state.idle += 1;
                state = wait(&this.work, state, None);
                state.idle -= 1;
            };
            drop(state);
            let result = this.execute(&run);
            let report = match result.and_then(|output| this.completed(&run, output)) {
                Ok(report) => report,
                Err(failure) => this.failed(&run, &failure),
            };
            this.report(&run, report);
        }
    }

    fn execute(self: &Arc<Self>, run: &Arc<Run>) -> Result<Value, Failure> {
        let values = self.client.values();
        let Some(function) = self.activities.get(&run.task.activity_type) else {
            let what = format!("this worker does not serve {}", run.task.activity_type);
            return Err(Failure::from(SagaError::new(ErrorKind::Configuration, "", what).non_retryable()).no_effect());
        };
        let context = ActivityContext {
            task: run.task.clone(),
            heartbeat_details: values.value(run.task.heartbeat_details.clone()),
            run: run.clone(),
            worker: Arc::downgrade(self),
        };
        // An activity that panics has failed; the worker goes on.
        let result = catch_unwind(AssertUnwindSafe(|| function(&context, &run.task, values)));
        result.unwrap_or_else(|thrown| {
            let what = format!("panic: {}", panic_text(thrown.as_ref()));
            Err(SagaError::new(ErrorKind::ActivityExecution, "Panic", what).into())
        })
    }

    fn completed(&self, run: &Run, output: Value) -> Result<WorkerItem, Failure> {
        let values = self.client.values();
        let undo_data = lock(&run.state).undo_data.clone();
        Ok(item(WorkerItemItem::ActivityCompleted(Box::new(ActivityCompleted {
            task_token: run.task.task_token.clone(),
            output: Some(values.seal(output)?),
            undo_data: undo_data.map(|data| values.seal(data)).transpose()?,
            ..Default::default()
        }))))
    }

    fn failed(&self, run: &Run, failure: &Failure) -> WorkerItem {
        let task_token = run.task.task_token.clone();
        let unknown = if failure.no_effect { Effect::None } else { Effect::Unknown };
        let stopped = failure.error.is::<Cancelled>() || matches!(failure.error.downcast_ref(), Some(Error::Cancelled { .. }));
        if stopped && lock(&run.state).asked {
            let made = ActivityCanceled { task_token, effect: unknown, ..Default::default() };
            return item(WorkerItemItem::ActivityCanceled(Box::new(made)));
        }
        let error = failure.saga_error();
        // What they mean follows from the kind.
        let clear = matches!(error.kind, ErrorKind::Validation | ErrorKind::Domain) && failure.error.is::<SagaError>();
        let effect = if clear && !failure.no_effect { Effect::Unspecified } else { unknown };
        let error = Some(error.to_wire(self.client.values()));
        item(WorkerItemItem::ActivityFailed(Box::new(ActivityFailed { task_token, error, effect })))
    }

    /// Keeps the one report of an attempt, and sends it if there is a stream.
    fn report(&self, run: &Run, report: WorkerItem) {
        if std::mem::replace(&mut lock(&run.state).reported, true) {
            return; // It took too long, and that was reported.
        }
        run.cancel.cancel();
        let token = &run.task.task_token;
        let mut state = lock(&self.state);
        state.runs.remove(token);
        let stream = state.stream.clone();
        state.reports.insert(token.clone(), report.clone());
        drop(state);
        if let Some(stream) = stream {
            // If it is lost, the next stream begins with the report.
            let _ = stream.send(&report);
        }
    }

    // Time

    pub(crate) fn heartbeat(&self, run: &Arc<Run>, details: Value) {
        let now = Instant::now();
        let mut state = lock(&run.state);
        state.details = Some(details);
        if state.reported || state.due.is_some() {
            return;
        }
        match state.last_beat {
            Some(last) if now < last + run.gap => {
                state.due = Some(last + run.gap);
                drop(state);
                self.poke_before(&mut lock(&self.state), last + run.gap);
            }
            _ => self.beat(run, state),
        }
    }

    /// Sends a heartbeat; nothing happens without a stream.
    fn beat(&self, run: &Run, mut state: MutexGuard<'_, RunState>) {
        state.due = None;
        state.last_beat = Some(Instant::now());
        let details = state.details.clone().map(|details| self.client.values().seal(details));
        drop(state);
        let details = details.transpose().unwrap_or_else(|error| {
            (self.log)(&format!("heartbeat details of {} are left out: {error}", run.task.activity_type));
            None
        });
        let beat = Heartbeat { task_token: run.task.task_token.clone(), details };
        let stream = lock(&self.state).stream.clone();
        if let Some(stream) = stream {
            let _ = stream.send(&item(WorkerItemItem::Heartbeat(Box::new(beat))));
        }
    }

    /// Has the clock look again.
    fn poke(&self, state: &mut State) {
        state.version += 1;
        self.clock.notify_all();
    }

    /// Has the clock look again if it sleeps longer than that.
    fn poke_before(&self, state: &mut State, due: Instant) {
        if state.clock_next.map_or(true, |next| due < next) {
            self.poke(state);
        }
    }

    /// Heartbeats that wait for their time, attempts that take too long, and the end of a stream.
    fn keep_time(&self) {
        let mut state = lock(&self.state);
        while !state.over {
            let (now, seen) = (Instant::now(), state.version);
            let said = self.next_ending(&mut state, now);
            let runs: Vec<Arc<Run>> = state.runs.values().cloned().collect();
            let asked = if let Ending::Said(asked) = state.ending { Some(asked) } else { None };
            // What becomes due from here on is told.
            state.clock_next = None;
            drop(state);
            if let Some((stream, said, last)) = &said {
                let _ = stream.send(said);
                if *last {
                    stream.end();
                }
            }
            let next = runs.iter().filter_map(|run| self.look_at(run, now)).chain(asked).min();
            state = lock(&self.state);
            state.clock_next = next;
            while state.version == seen && !state.over && next.map_or(true, |next| Instant::now() < next) {
                state = wait(&self.clock, state, next);
            }
        }
    }

    /// Does what is due of an attempt; when the next is.
    fn look_at(&self, run: &Arc<Run>, now: Instant) -> Option<Instant> {
        let inner = lock(&run.state);
        if inner.reported {
            return None;
        }
        if run.late.is_some_and(|late| late <= now) {
            drop(inner);
            let what = "the attempt ran longer than its start-to-close time-out";
            let late = Failure::from(SagaError::new(ErrorKind::Timeout, "", what));
            self.report(run, self.failed(run, &late));
            return None;
        }
        match inner.due {
            Some(due) if due <= now => {
                self.beat(run, inner);
                run.late
            }
            due => due.into_iter().chain(run.late).min(),
        }
    }

    /// What is to be said on the way to the end of the stream, if anything; true with the last of it.
    fn next_ending(&self, state: &mut State, now: Instant) -> Option<(Arc<WorkStream>, WorkerItem, bool)> {
        let stream = state.stream.clone()?;
        let drained = |running| item(WorkerItemItem::Drained(Box::new(Drained { running })));
        match state.ending {
            Ending::Done => None,
            _ if state.is_ending() && state.is_idle() => {
                state.ending = Ending::Done;
                Some((stream, drained(0), true))
            }
            Ending::NotYet if state.stopping => {
                state.ending = Ending::Said(now + self.drain_timeout);
                Some((stream, drained(u32::try_from(state.runs.len()).unwrap_or(u32::MAX)), false))
            }
            Ending::Said(asked) if asked <= now => {
                state.ending = Ending::Asked;
                (self.log)(&format!("{} activities still run; they are asked to stop", state.runs.len()));
                state.runs.values().for_each(|run| run.request_cancel());
                None
            }
            _ => None,
        }
    }
}

fn item(item: WorkerItemItem) -> WorkerItem {
    WorkerItem { item: Some(item), ..Default::default() }
}

fn panic_text(thrown: &(dyn Any + Send)) -> String {
    if let Some(text) = thrown.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    thrown.downcast_ref::<String>().cloned().unwrap_or_else(|| "of an unknown kind".into())
}
