//! Sagas with values of the language: start, signal, wait, look.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::call::{Backoff, Call, Limits};
use crate::client::Client;
use crate::error::{Compensation, Error, SagaError, WorkflowEnded};
use crate::stream::ServerStream;
use crate::v1::*;
use crate::value::{FromValue, ToValue, Value};

/// Defines a new run. `Default` for all but the id.
#[derive(Clone, Debug, Default)]
pub struct Start {
    id: String,
    queue: String,
    version: u32,
    timeout: Duration,
    cancel_grace: Option<Duration>,
    keep_steps: bool,
    continue_on_undo_error: bool,
    id_reuse: IdReusePolicy,
    memo: BTreeMap<String, Value>,
    search_attributes: BTreeMap<String, Value>,
}

impl Start {
    /// The caller's own name of the saga, unique among open ones. 1-255 bytes.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// The queue whose workers run the workflow code. Default `default`.
    #[must_use]
    pub fn task_queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = queue.into();
        self
    }

    /// The version of the code. Default: the newest that a worker serves.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// After which the run is undone and closes as timed out. Default: never.
    #[must_use]
    pub fn execution_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long the code has to close after a cancel. Default 60 s.
    #[must_use]
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = Some(grace);
        self
    }

    /// A bad end does not undo by itself.
    #[must_use]
    pub fn no_auto_compensate(mut self) -> Self {
        self.keep_steps = true;
        self
    }

    /// Earlier undos go on when one has failed for good.
    #[must_use]
    pub fn continue_on_undo_error(mut self) -> Self {
        self.continue_on_undo_error = true;
        self
    }

    /// What happens if the id was used by a run that is closed. Default `AllowIfFailed`.
    #[must_use]
    pub fn id_reuse(mut self, policy: IdReusePolicy) -> Self {
        self.id_reuse = policy;
        self
    }

    /// A value that `describe` returns.
    #[must_use]
    pub fn memo(mut self, name: impl Into<String>, value: Value) -> Self {
        self.memo.insert(name.into(), value);
        self
    }

    /// A value that `list` filters by; it never goes through the codec.
    #[must_use]
    pub fn search_attribute(mut self, name: impl Into<String>, value: Value) -> Self {
        self.search_attributes.insert(name.into(), value);
        self
    }
}

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// A saga that was started or found.
#[derive(Clone, Debug)]
pub struct Handle {
    client: Client,
    workflow_id: String,
    saga_id: Vec<u8>,
    already_started: bool,
}

#[allow(clippy::missing_errors_doc)] // as those of the client
impl Handle {
    /// The caller's own name.
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// The run, 16 bytes; empty if it was not asked for.
    pub fn saga_id(&self) -> &[u8] {
        &self.saga_id
    }

    /// The run was open before.
    pub fn already_started(&self) -> bool {
        self.already_started
    }

    /// The same saga for calls with other settings.
    #[must_use]
    pub fn with(&self, call: Call) -> Self {
        Self { client: self.client.with(call), ..self.clone() }
    }

    fn on_run(&self) -> Client {
        let mut client = self.client.clone();
        if client.call.saga_id.is_empty() {
            client.call.saga_id.clone_from(&self.saga_id);
        }
        client
    }

    /// See [`Client::result`].
    pub fn result<T: FromValue>(&self) -> Result<T, Error> {
        self.on_run().result(&self.workflow_id)
    }

    /// See [`Client::signal`].
    pub fn signal(&self, name: &str, value: &(impl ToValue + ?Sized)) -> Result<(), Error> {
        self.on_run().signal(&self.workflow_id, name, value)
    }

    /// See [`Client::query`].
    pub fn query<T: FromValue>(&self, name: &str, value: &(impl ToValue + ?Sized)) -> Result<T, Error> {
        self.on_run().query(&self.workflow_id, name, value)
    }

    /// See [`Client::update`].
    pub fn update<T: FromValue>(&self, name: &str, value: &(impl ToValue + ?Sized)) -> Result<T, Error> {
        self.on_run().update(&self.workflow_id, name, value)
    }

    /// See [`Client::cancel`].
    pub fn cancel(&self, reason: &str) -> Result<(), Error> {
        self.on_run().cancel(&self.workflow_id, reason)
    }

    /// See [`Client::terminate`].
    pub fn terminate(&self, compensate: bool, reason: &str) -> Result<(), Error> {
        self.on_run().terminate(&self.workflow_id, compensate, reason)
    }

    /// See [`Client::describe`].
    pub fn describe(&self) -> Result<DescribeWorkflowResponse, Error> {
        self.on_run().describe(&self.workflow_id)
    }

    /// See [`Client::history`].
    pub fn history(&self) -> impl Iterator<Item = Result<HistoryEvent, Error>> {
        self.on_run().history(&self.workflow_id, 0)
    }

    /// See [`Client::follow_history`].
    pub fn follow_history(&self) -> impl Iterator<Item = Result<HistoryEvent, Error>> {
        self.on_run().follow_history(&self.workflow_id, 0)
    }
}

/// # Sagas
#[allow(clippy::missing_errors_doc)] // each: `Error::Status` if the server says no, `Error::ConnectionLost`, `Error::Cancelled`
impl Client {
    /// Names a saga that was started elsewhere; without [`Call::run`] its open run, else its latest.
    pub fn handle(&self, workflow_id: impl Into<String>) -> Handle {
        let (client, saga_id) = (self.clone(), self.call.saga_id.clone());
        Handle { client, workflow_id: workflow_id.into(), saga_id, already_started: true }
    }

    /// A start as the generated stubs take it, in a schedule for example.
    pub fn start_options(
        &self,
        workflow_type: &str,
        input: &(impl ToValue + ?Sized),
        start: Start,
    ) -> Result<StartOptions, Error> {
        let named = |values: BTreeMap<String, Value>, coded: bool| {
            let one = |(name, value): (String, Value)| {
                let payload = Some(if coded { self.values().seal(value)? } else { value.payload()? });
                Ok(NamedPayload { name, payload })
            };
            values.into_iter().map(one).collect::<Result<Vec<_>, Error>>()
        };
        Ok(StartOptions {
            workflow_id: start.id,
            workflow_type: workflow_type.into(),
            workflow_version: start.version,
            task_queue: start.queue,
            input: self.values().encode(input)?,
            execution_timeout_us: micros(start.timeout),
            cancel_grace_us: start.cancel_grace.map(micros),
            auto_compensate: start.keep_steps.then_some(false),
            continue_on_undo_error: start.continue_on_undo_error,
            id_reuse_policy: start.id_reuse,
            memo: named(start.memo, true)?,
            search_attributes: named(start.search_attributes, false)?,
        })
    }

    fn reference(&self, workflow_id: &str) -> Option<WorkflowRef> {
        Some(WorkflowRef { workflow_id: workflow_id.into(), saga_id: self.call.saga_id.clone() })
    }

    /// A handle carries on the deadline and the token of the call that made it, not its ids.
    fn started(&self, workflow_id: String, saga_id: Vec<u8>, already_started: bool) -> Handle {
        let call = Call { timeout: self.call.timeout, cancel: self.call.cancel.clone(), ..Call::default() };
        Handle { client: self.with(call), workflow_id, saga_id, already_started }
    }

    /// Starts a saga, or finds the open one of that id. It is durable when this returns.
    pub fn start(&self, workflow_type: &str, input: &(impl ToValue + ?Sized), start: Start) -> Result<Handle, Error> {
        let id = start.id.clone();
        let options = Some(self.start_options(workflow_type, input, start)?);
        let answer = self.workflows().start(StartWorkflowRequest { options, ..Default::default() })?;
        Ok(self.started(id, answer.saga_id, answer.already_started))
    }

    /// Signals a saga and starts it first if it is not open, in one step.
    pub fn signal_with_start(
        &self,
        workflow_type: &str,
        input: &(impl ToValue + ?Sized),
        start: Start,
        signal: &str,
        value: &(impl ToValue + ?Sized),
    ) -> Result<Handle, Error> {
        let id = start.id.clone();
        let answer = self.workflows().signal_with_start(SignalWithStartWorkflowRequest {
            options: Some(self.start_options(workflow_type, input, start)?),
            signal_name: signal.into(),
            signal_input: self.values().encode(value)?,
            signal_id: self.call.signal_id.clone(),
            ..Default::default()
        })?;
        Ok(self.started(id, answer.saga_id, answer.already_started))
    }

    /// Sends a signal; it is durable when this returns. The same [`Call::signal_id`] twice is one signal.
    pub fn signal(&self, workflow_id: &str, name: &str, value: &(impl ToValue + ?Sized)) -> Result<(), Error> {
        let request = SignalWorkflowRequest {
            workflow: self.reference(workflow_id),
            name: name.into(),
            input: self.values().encode(value)?,
            signal_id: self.call.signal_id.clone(),
            ..Default::default()
        };
        self.workflows().signal(request).map(drop)
    }

    /// Reads state through the saga's own handler.
    pub fn query<T: FromValue>(&self, workflow_id: &str, name: &str, value: &(impl ToValue + ?Sized)) -> Result<T, Error> {
        let answer = self.workflows().query(QueryWorkflowRequest {
            workflow: self.reference(workflow_id),
            name: name.into(),
            input: self.values().encode(value)?,
            ..Default::default()
        })?;
        self.values().decode(answer.output)
    }

    /// Asks the code to do something and waits for its answer; [`Error::Refused`] if it was refused or rolled back.
    pub fn update<T: FromValue>(&self, workflow_id: &str, name: &str, value: &(impl ToValue + ?Sized)) -> Result<T, Error> {
        let answer = self.workflows().update(UpdateWorkflowRequest {
            workflow: self.reference(workflow_id),
            name: name.into(),
            input: self.values().encode(value)?,
            update_id: self.call.update_id.clone(),
            ..Default::default()
        })?;
        match answer.error {
            Some(error) => Err(Error::Refused(Box::new(SagaError::from_wire(error, self.values())))),
            None => self.values().decode(answer.output),
        }
    }

    /// Asks a saga to end: its code sees it, and its steps are undone. It returns when the request is durable.
    pub fn cancel(&self, workflow_id: &str, reason: &str) -> Result<(), Error> {
        let workflow = self.reference(workflow_id);
        self.workflows().cancel(CancelWorkflowRequest { workflow, reason: reason.into(), ..Default::default() }).map(drop)
    }

    /// Stops a saga from outside; with `compensate` its steps are undone first.
    pub fn terminate(&self, workflow_id: &str, compensate: bool, reason: &str) -> Result<(), Error> {
        let (workflow, reason) = (self.reference(workflow_id), reason.into());
        self.workflows().terminate(TerminateWorkflowRequest { workflow, reason, compensate, ..Default::default() }).map(drop)
    }

    /// Goes on from an earlier event in a new run; steps after it are undone first, unless `undo` says otherwise.
    pub fn reset(&self, workflow_id: &str, event_id: u64, undo: ResetUndo) -> Result<Handle, Error> {
        let (workflow, reason) = (self.reference(workflow_id), self.call.reason.clone());
        let answer = self.workflows().reset(ResetWorkflowRequest { workflow, event_id, undo, reason, ..Default::default() })?;
        Ok(self.started(workflow_id.into(), answer.saga_id, false))
    }

    /// Waits for the end of a saga, as long as the call's time-out says, else for ever; what it returned.
    /// [`Error::Workflow`] if it ended otherwise than by completing.
    pub fn result<T: FromValue>(&self, workflow_id: &str) -> Result<T, Error> {
        const METHOD: &str = "Workflows.GetResult";
        let limits = Limits::of(&self.call, None);
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            let left = limits.end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            let mut part = self.clone();
            part.call.timeout = Some(left.min(Duration::from_secs(60)));
            let (workflow, follow_runs) = (self.reference(workflow_id), true);
            let request = GetWorkflowResultRequest { workflow, follow_runs, ..Default::default() };
            let error = match part.workflows().get_result(request) {
                Ok(answer) => return self.outcome(workflow_id, answer),
                Err(error) => error,
            };
            limits.check(METHOD)?;
            if error.is_connection_lost() && !self.is_closed() {
                limits.sleep(backoff.take(), METHOD)?;
            } else if !error.is_deadline_exceeded() {
                return Err(error);
            }
        }
    }

    fn outcome<T: FromValue>(&self, workflow_id: &str, answer: GetWorkflowResultResponse) -> Result<T, Error> {
        if answer.status == WorkflowStatus::Completed {
            return self.values().decode(answer.output);
        }
        let compensation = answer.compensation.unwrap_or_default();
        Err(Error::Workflow(Box::new(WorkflowEnded {
            workflow_id: workflow_id.into(),
            status: answer.status,
            error: answer.error.map(|error| SagaError::from_wire(error, self.values())),
            reason: answer.reason,
            compensation: Compensation { state: compensation.state, open_entries: compensation.open_entries },
        })))
    }

    /// Everything about a saga: status, what it waits for, pending steps, undo log.
    pub fn describe(&self, workflow_id: &str) -> Result<DescribeWorkflowResponse, Error> {
        let workflow = self.reference(workflow_id);
        self.workflows().describe(DescribeWorkflowRequest { workflow, ..Default::default() })
    }

    /// Every run that matches, newest start first; the default filter is all runs.
    pub fn list(&self, filter: WorkflowFilter) -> impl Iterator<Item = Result<WorkflowInfo, Error>> {
        let client = self.clone();
        pages(move |page_token: Vec<u8>| {
            let (filter, page_size) = (Some(filter.clone()), client.call.page_size);
            let request = ListWorkflowsRequest { filter, page_size, page_token, ..Default::default() };
            let page = client.workflows().list(request)?;
            Ok((page.workflows, next_page(page.next_page_token)))
        })
    }

    /// Counts the runs that match; the default filter is all runs.
    pub fn count(&self, filter: WorkflowFilter) -> Result<u64, Error> {
        let filter = Some(filter);
        Ok(self.workflows().count(CountWorkflowsRequest { filter, ..Default::default() })?.count)
    }

    /// Every event of a run from one on, oldest first.
    pub fn history(&self, workflow_id: &str, from: u64) -> impl Iterator<Item = Result<HistoryEvent, Error>> {
        let (client, mut workflow) = (self.clone(), self.reference(workflow_id));
        pages(move |from_event_id: u64| {
            let request =
                GetHistoryRequest { workflow: workflow.clone(), from_event_id: from.max(from_event_id), ..Default::default() };
            let page = client.workflows().get_history(request)?;
            if let Some(workflow) = workflow.as_mut().filter(|_| !page.saga_id.is_empty()) {
                workflow.saga_id = page.saga_id;
            }
            Ok((page.events, page.more.then_some(page.next_event_id)))
        })
    }

    /// `history` that goes on as the saga does, until it closes. A lost connection is made again and the events go on where
    /// they were.
    pub fn follow_history(&self, workflow_id: &str, from: u64) -> impl Iterator<Item = Result<HistoryEvent, Error>> {
        Following {
            client: self.clone(),
            request: FollowHistoryRequest { workflow: self.reference(workflow_id), from_event_id: from, ..Default::default() },
            limits: Limits::of(&self.call, None),
            stream: None,
            events: VecDeque::new(),
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(5)),
            failing: None,
            over: false,
        }
    }

    /// The state of a run after an event.
    pub fn state_at(&self, workflow_id: &str, event_id: u64) -> Result<DescribeWorkflowResponse, Error> {
        let (workflow, at) = (self.reference(workflow_id), Some(StateAtRequestAt::EventId(event_id)));
        let answer = self.workflows().state_at(StateAtRequest { workflow, at, ..Default::default() })?;
        Ok(answer.state.unwrap_or_default())
    }

    /// Removes a closed run and its history.
    pub fn delete(&self, workflow_id: &str) -> Result<(), Error> {
        let workflow = self.reference(workflow_id);
        self.workflows().delete(DeleteWorkflowRequest { workflow, ..Default::default() }).map(drop)
    }

    /// Stops handing out tasks of a run.
    pub fn pause(&self, workflow_id: &str, reason: &str) -> Result<(), Error> {
        let (workflow, reason) = (self.reference(workflow_id), reason.into());
        self.workflows().pause(PauseWorkflowRequest { workflow, reason, ..Default::default() }).map(drop)
    }

    /// Hands out tasks again.
    pub fn resume(&self, workflow_id: &str, reason: &str) -> Result<(), Error> {
        let (workflow, reason) = (self.reference(workflow_id), reason.into());
        self.workflows().resume(ResumeWorkflowRequest { workflow, reason, ..Default::default() }).map(drop)
    }

    /// Asks whether the server is alive; `echo` comes back. At most 65,536 bytes.
    pub fn health(&self, echo: &[u8]) -> Result<HealthResponse, Error> {
        self.admin().health(HealthRequest { echo: echo.into(), ..Default::default() })
    }
}

/// # Undos that need a person
///
/// `step_event_id` is the event that scheduled the step.
#[allow(clippy::missing_errors_doc)] // as above
impl Client {
    fn undo(&self, workflow_id: &str, step_event_id: u64) -> Option<UndoRef> {
        Some(UndoRef { workflow: self.reference(workflow_id), step_event_id })
    }

    /// Every run that needs a person, longest blocked first.
    pub fn list_blocked(&self) -> impl Iterator<Item = Result<BlockedWorkflow, Error>> {
        let client = self.clone();
        pages(move |page_token: Vec<u8>| {
            let request = ListBlockedRequest { page_size: client.call.page_size, page_token, ..Default::default() };
            let page = client.compensation().list_blocked(request)?;
            Ok((page.workflows, next_page(page.next_page_token)))
        })
    }

    /// Runs an undo once more.
    pub fn retry_undo(&self, workflow_id: &str, step_event_id: u64) -> Result<(), Error> {
        let (undo, reason) = (self.undo(workflow_id, step_event_id), self.call.reason.clone());
        self.compensation().retry(RetryUndoRequest { undo, reason, ..Default::default() }).map(drop)
    }

    /// Runs an undo once more; the value comes to it as [`Undo::data`](crate::Undo::data).
    pub fn retry_undo_with_input(
        &self,
        workflow_id: &str,
        step_event_id: u64,
        value: &(impl ToValue + ?Sized),
    ) -> Result<(), Error> {
        let (undo, reason) = (self.undo(workflow_id, step_event_id), self.call.reason.clone());
        let input = self.values().encode(value)?;
        self.compensation().retry_with_input(RetryUndoWithInputRequest { undo, input, reason, ..Default::default() }).map(drop)
    }

    /// Leaves an undo out.
    pub fn skip_undo(&self, workflow_id: &str, step_event_id: u64, reason: &str) -> Result<(), Error> {
        let (undo, reason) = (self.undo(workflow_id, step_event_id), reason.into());
        self.compensation().skip(SkipUndoRequest { undo, reason, ..Default::default() }).map(drop)
    }

    /// Marks an undo as done by hand.
    pub fn resolve_undo(&self, workflow_id: &str, step_event_id: u64, note: &str) -> Result<(), Error> {
        let (undo, note) = (self.undo(workflow_id, step_event_id), note.into());
        self.compensation().resolve(ResolveUndoRequest { undo, note, ..Default::default() }).map(drop)
    }

    /// Gives the whole unwinding of a run up.
    pub fn give_up(&self, workflow_id: &str, reason: &str) -> Result<(), Error> {
        let (workflow, reason) = (self.reference(workflow_id), reason.into());
        self.compensation().give_up(GiveUpRequest { workflow, reason, ..Default::default() }).map(drop)
    }

    /// Every effect of a saga that was reported after its step's undo; of all sagas without an id.
    pub fn late_effects(&self, workflow_id: Option<&str>) -> impl Iterator<Item = Result<LateEffect, Error>> {
        let (client, workflow) = (self.clone(), workflow_id.and_then(|id| self.reference(id)));
        pages(move |page_token: Vec<u8>| {
            let (workflow, page_size) = (workflow.clone(), client.call.page_size);
            let request = ListLateEffectsRequest { workflow, page_size, page_token, ..Default::default() };
            let page = client.compensation().list_late_effects(request)?;
            Ok((page.late_effects, next_page(page.next_page_token)))
        })
    }
}

fn next_page(token: Vec<u8>) -> Option<Vec<u8>> {
    (!token.is_empty()).then_some(token)
}

/// Entries page by page; it ends after the first error.
fn pages<T, Token: Default>(
    mut fetch: impl FnMut(Token) -> Result<(Vec<T>, Option<Token>), Error>,
) -> impl Iterator<Item = Result<T, Error>> {
    let mut next = Some(Token::default());
    let mut ready = VecDeque::new();
    std::iter::from_fn(move || {
        while ready.is_empty() {
            match fetch(next.take()?) {
                Ok((entries, token)) => {
                    ready.extend(entries);
                    next = token;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        ready.pop_front().map(Ok)
    })
}

struct Following {
    client: Client,
    request: FollowHistoryRequest,
    limits: Limits,
    stream: Option<ServerStream<HistoryItem>>,
    events: VecDeque<HistoryEvent>,
    backoff: Backoff,
    failing: Option<Instant>,
    over: bool,
}

impl Following {
    /// One item more; false at the end.
    fn step(&mut self) -> Result<bool, Error> {
        let stream = match &self.stream {
            Some(stream) => stream,
            None => {
                // What is left of the time, for the stream that is opened now.
                let mut client = self.client.clone();
                client.call.timeout = self.limits.end.map(|end| end.saturating_duration_since(Instant::now()));
                let made = client.workflows().follow_history(self.request.clone())?;
                self.stream.insert(made)
            }
        };
        let Some(item) = stream.receive()? else { return Ok(false) };
        self.backoff.reset();
        self.failing = None;
        if let Some(workflow) = self.request.workflow.as_mut().filter(|_| !item.saga_id.is_empty()) {
            workflow.saga_id = item.saga_id;
        }
        if let Some(last) = item.events.last() {
            self.request.from_event_id = last.event_id.saturating_add(1);
        }
        self.events.extend(item.events);
        Ok(true)
    }

    fn again(&mut self, error: Error) -> Result<(), Error> {
        self.stream = None;
        let failing = *self.failing.get_or_insert_with(Instant::now);
        if self.client.is_closed() || !error.is_connection_lost() || failing.elapsed() > Duration::from_secs(30) {
            return Err(error);
        }
        self.limits.sleep(self.backoff.take(), "Workflows.FollowHistory")
    }
}

impl Iterator for Following {
    type Item = Result<HistoryEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event));
            }
            if self.over {
                return None;
            }
            match self.step() {
                Ok(more) => self.over = !more,
                Err(error) => {
                    if let Err(error) = self.again(error) {
                        self.over = true;
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}
