//! The harness of the conformance suite: reads actions from standard input and carries them out; see conformance.proto.

mod activities;
mod bench;
#[rustfmt::skip]
#[allow(dead_code)]
mod messages;

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use messages::{Action, Connect, Event, Outcome, Value as Given, Verb};
use saga_engine::protobuf::Message;
use saga_engine::v1::{HistoryChunk, HistoryEvent, Payload, ResetUndo, UndoFailedStep, WorkflowFilter, WorkflowStatus};
use saga_engine::{
    Bytes, Call, CancelToken, Client, Codec, Definition, Error, Handle, Start, Step, StepUndo, Subscribe, Value, Worker, METHODS,
};
use serde_json::{json, Value as Json};

use activities::Journal;

/// Each byte b is b ^ 0x5a, and the encoding `e` is `xor/e`.
struct Xor;

fn flip(mut payload: Payload) -> Payload {
    payload.data.iter_mut().for_each(|byte| *byte ^= 0x5a);
    payload
}

impl Codec for Xor {
    fn encode(&self, mut payload: Payload) -> Result<Payload, String> {
        payload.encoding.insert_str(0, "xor/");
        Ok(flip(payload))
    }

    fn decode(&self, mut payload: Payload) -> Result<Payload, String> {
        payload.encoding = payload.encoding.strip_prefix("xor/").ok_or("it is not of this codec")?.to_owned();
        Ok(flip(payload))
    }
}

/// A value of the language, as the SDK takes it.
fn from_given(given: Option<&Given>) -> Result<Value, Error> {
    let Some(given) = given else { return Value::of(&()) };
    match given.encoding.as_str() {
        "" => Value::of(&()),
        "json" => match serde_json::from_slice::<Json>(&given.data) {
            Ok(json) => Value::of(&json),
            Err(error) => Err(Error::Value(error.to_string())),
        },
        "bytes" => Value::of(&Bytes(given.data.clone())),
        other => Ok(Value::new(other, given.data.clone())),
    }
}

fn to_given(value: &Value) -> Result<Given, Error> {
    let payload = value.payload()?;
    let data = match payload.encoding.as_str() {
        "json" => value.get::<Json>()?.to_string().into_bytes(),
        "bytes" => value.get::<Bytes>()?.0,
        _ => payload.data,
    };
    Ok(Given { encoding: payload.encoding, data })
}

#[derive(Default)]
struct Harness {
    client: Option<Client>,
    how: Connect,
    journal: Arc<Journal>,
    /// What EXPORT kept.
    exported: Vec<HistoryChunk>,
    worker: Option<(Worker, JoinHandle<Result<(), Error>>)>,
}

fn invalid(what: &str) -> Error {
    Error::Invalid(what.into())
}

impl Harness {
    fn connect(&mut self, how: Connect) -> Result<(), Error> {
        if let Some(old) = self.client.take() {
            old.close();
        }
        let mut builder =
            Client::builder(format!("{}:{}", how.host, how.port)).token(how.token.clone()).namespace(how.namespace.clone());
        builder = if how.ca.is_empty() { builder.insecure() } else { builder.ca_file(&how.ca) };
        if !how.cert.is_empty() {
            builder = builder.certificate_files(&how.cert, &how.key);
        }
        if !how.server_name.is_empty() {
            builder = builder.server_name(&how.server_name);
        }
        if how.codec {
            builder = builder.codec(Xor);
        }
        if how.timeout_ms > 0 {
            builder = builder.connect_timeout(Duration::from_millis(how.timeout_ms));
        }
        self.how = how;
        self.client = Some(builder.connect()?);
        Ok(())
    }

    fn act(&mut self, action: Action, out: &mut Outcome) -> Result<(), Error> {
        match action.verb {
            Verb::Connect => return self.connect(action.connect.unwrap_or_default()),
            Verb::Log => out.lines = self.journal.lines(),
            Verb::Methods => out.lines = METHODS.iter().map(|method| method.name.to_owned()).collect(),
            _ => return self.call(&action, out),
        }
        Ok(())
    }

    fn call(&mut self, action: &Action, out: &mut Outcome) -> Result<(), Error> {
        let mut call = Call::new().request_id(&action.request_id).run(action.saga_id.clone()).page_size(action.number as u32);
        call = call.signal_id(&action.text).update_id(&action.text).reason(&action.text);
        if action.timeout_ms > 0 {
            call = call.timeout(Duration::from_millis(action.timeout_ms));
        }
        if action.cancel_after_ms > 0 {
            let token = CancelToken::new();
            call = call.cancel(&token);
            let pause = Duration::from_millis(action.cancel_after_ms);
            std::thread::spawn(move || {
                std::thread::sleep(pause);
                token.cancel();
            });
        }
        let client = self.client.clone().ok_or_else(|| invalid("not connected"))?.with(call);
        let (c, id, name, text) = (&client, action.workflow_id.as_str(), action.name.as_str(), action.text.as_str());
        let input = from_given(action.input.as_ref())?;
        let start = || Start::new(id).task_queue(&action.task_queue);
        let filter = || WorkflowFilter { workflow_id_prefix: text.into(), ..Default::default() };
        match action.verb {
            Verb::Close => c.close(),
            Verb::Health => out.value = Some(Given { data: c.health(&action.echo)?.echo, ..Default::default() }),
            Verb::Start => started(c.start(&action.workflow_type, &input, start())?, out),
            Verb::SignalWithStart => started(c.signal_with_start(&action.workflow_type, &(), start(), name, &input)?, out),
            Verb::Signal => c.signal(id, name, &input)?,
            Verb::Cancel => c.cancel(id, text)?,
            Verb::Terminate => c.terminate(id, action.flag, text)?,
            Verb::Result => out.value = Some(to_given(&c.result(id)?)?),
            Verb::Describe => {
                let found = c.describe(id)?;
                out.number = found.info.unwrap_or_default().status.number() as u64;
                out.lines = found.waiting_for.iter().map(|waiting| waiting.kind.number().to_string()).collect();
            }
            Verb::List => out.lines = c.list(filter()).map(|info| Ok(info?.workflow_id)).collect::<Result<_, Error>>()?,
            Verb::Count => out.number = c.count(filter())?,
            Verb::History => out.events = c.history(id, 0).map(event).collect::<Result<_, Error>>()?,
            Verb::Follow => out.events = c.follow_history(id, 0).map(event).collect::<Result<_, Error>>()?,
            Verb::Pause => c.pause(id, text)?,
            Verb::Resume => c.resume(id, text)?,
            Verb::Query => out.value = Some(to_given(&c.query(id, name, &input)?)?),
            Verb::Update => out.value = Some(to_given(&c.update(id, name, &input)?)?),
            Verb::Reset => started(c.reset(id, action.number, ResetUndo::Unspecified)?, out),
            Verb::StateAt => out.number = c.state_at(id, action.number)?.info.unwrap_or_default().status.number() as u64,
            Verb::Delete => c.delete(id)?,
            Verb::ListBlocked => {
                let blocked = c.list_blocked().map(|blocked| Ok(blocked?.info.unwrap_or_default().workflow_id));
                out.lines = blocked.collect::<Result<_, Error>>()?;
            }
            Verb::RetryUndo => c.retry_undo(id, action.number)?,
            Verb::RetryUndoWithInput => c.retry_undo_with_input(id, action.number, &input)?,
            Verb::SkipUndo => c.skip_undo(id, action.number, text)?,
            Verb::ResolveUndo => c.resolve_undo(id, action.number, text)?,
            Verb::GiveUp => c.give_up(id, text)?,
            Verb::LateEffects => out.number = c.late_effects(Some(id)).collect::<Result<Vec<_>, Error>>()?.len() as u64,
            Verb::Subscribe => subscribe(c, action, out)?,
            Verb::Export => {
                self.exported = c.export_history(id)?.collect::<Result<_, Error>>()?;
                out.number = self.exported.len() as u64;
                let events = self.exported.iter().flat_map(|chunk| &chunk.events);
                out.events = events.map(|event| Event { id: event.event_id, code: event.event_type }).collect();
            }
            Verb::Import => {
                let made = c.import_history(self.exported.iter().cloned().map(Ok))?;
                (out.saga_id, out.number) = (made.saga_id, made.events);
            }
            Verb::Bench => out.lines = bench::measured(c, &self.how, action, &input)?,
            Verb::Register => out.number = c.register_definition(&declared(action))?.0.into(),
            Verb::Serve => self.serve(c, action)?,
            Verb::Drain => {
                let (worker, served) = self.worker.take().ok_or_else(|| invalid("no worker"))?;
                worker.stop();
                served.join().map_err(|_| invalid("the worker has panicked"))??;
            }
            other => return Err(invalid(&format!("unknown verb {other:?}"))),
        }
        Ok(())
    }

    fn serve(&mut self, client: &Client, action: &Action) -> Result<(), Error> {
        let builder = Worker::builder(&client.with(Call::new()))
            .task_queue(&action.task_queue)
            .max_concurrent(action.number as usize)
            .log(|_| {});
        let worker = activities::register(builder, &self.journal).build()?;
        let serving = worker.clone();
        self.worker = Some((worker.clone(), std::thread::spawn(move || serving.run())));
        worker.wait_until_serving(Duration::from_secs(10));
        Ok(())
    }
}

fn subscribe(client: &Client, action: &Action, out: &mut Outcome) -> Result<(), Error> {
    let wanted = match &action.position {
        position if !position.is_empty() => Subscribe::after(position.clone()),
        _ if action.flag => Subscribe::from_beginning(),
        _ => Subscribe::from_now(),
    };
    let types = Some(action.workflow_type.clone()).filter(|name| !name.is_empty());
    let mut feed = client.subscribe(wanted.event_types(action.event_types.iter().copied()).workflow_types(types));
    while (out.lines.len() as u64) < action.number {
        let item = feed.next().unwrap_or_else(|| Err(invalid("the feed has ended")))?;
        let (id, name) = (&item.workflow_id, &item.workflow_type);
        out.lines.extend(item.events.iter().map(|event| format!("{id} {name} {} {}", event.event_id, event.event_type)));
    }
    out.position = feed.position().to_vec();
    Ok(())
}

fn started(handle: Handle, out: &mut Outcome) {
    out.saga_id = handle.saga_id().to_vec();
    out.already_started = handle.already_started();
}

fn event(event: Result<HistoryEvent, Error>) -> Result<Event, Error> {
    event.map(|event| Event { id: event.event_id, code: event.event_type })
}

/// The definitions of VERB_REGISTER.
fn declared(action: &Action) -> Definition {
    let mut made = Definition::new(&action.workflow_type).task_queue(&action.task_queue);
    match action.text.as_str() {
        "everything" => {
            made = made.timeout(Duration::from_secs(600)).description("all of it");
            let undo = StepUndo::by("refund").input(json!({"who": "${input.who}"})).task_queue("desk");
            let undo = undo.failed_step(UndoFailedStep::Always).probe("paid");
            let pay = Step::new().input(json!(["${input.n}", true])).task_queue("bank").attempts(5).pivot().undo_with(undo);
            let pay = pay.timeout(Duration::from_millis(2_500));
            let pay = pay.when("input.n >= 2").when("input.who != nobody").when("input.mail exists");
            made.activity("pay", "charge", pay);
            made.signal("ok", "go", Some(Duration::from_millis(1_500)), Step::new());
            made.timer("rest", Duration::from_millis(20), Step::new().when("input.n < 9"));
            made.child("sub", "other", Step::new().input("${input}").task_queue("else"));
            let end = made.activity("end", "tidy", Step::new());
            made.returns(end.output(""));
        }
        "wrong" => {
            made.activity("a", "echo", Step::new().input("${steps.nobody.output}"));
        }
        _ => {
            let a = made.activity("a", "echo", Step::new().input(json!({"n": "${input.n}"})));
            let mut b = None;
            made.parallel(|made| {
                b = Some(made.activity("b", "echo", Step::new().input(json!({"got": a.output("n")}))));
                made.activity("c", "echo", Step::new().when("input.n > 3"));
            });
            let got = b.map(|b| b.output("got"));
            made.returns(json!({"a": a.output("n"), "b": got, "c": "${steps.c.output.n ?? 0}"}));
        }
    }
    made
}

fn describe(result: Result<(), Error>, out: &mut Outcome) {
    let Err(error) = result else {
        out.result = "ok".into();
        return;
    };
    out.message = error.to_string();
    out.result = match error {
        Error::Workflow(ended) => {
            out.compensation = ended.compensation.to_string();
            if let Some(error) = ended.error {
                out.error_kind = error.kind.number() as u32;
                out.error_context = error.context.iter().map(|(key, value)| format!("{key}={value}")).collect();
                (out.error_code, out.error_message) = (error.code, error.message);
            }
            match ended.status {
                WorkflowStatus::Failed => "workflow_failed",
                WorkflowStatus::Canceled => "workflow_canceled",
                WorkflowStatus::TimedOut => "workflow_timed_out",
                WorkflowStatus::Terminated => "workflow_terminated",
                _ => "bug",
            }
        }
        Error::Status(status) => {
            out.status_code = status.code.number() as u32;
            "status"
        }
        Error::ConnectionLost { .. } => "connection_lost",
        Error::Cancelled { .. } => "cancelled",
        Error::Invalid(_) => "invalid",
        _ => "bug",
    }
    .into();
}

fn main() -> std::io::Result<()> {
    let (mut from, mut to) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut harness = Harness::default();
    let mut head = [0; 4];
    while from.read_exact(&mut head).is_ok() {
        let mut body = vec![0; u32::from_be_bytes(head) as usize];
        from.read_exact(&mut body)?;
        let mut out = Outcome::default();
        let result = match Action::decode(&body) {
            Ok(action) => harness.act(action, &mut out),
            Err(error) => Err(Error::Value(error.to_string())),
        };
        describe(result, &mut out);
        let said = out.encode();
        to.write_all(&(said.len() as u32).to_be_bytes())?;
        to.write_all(&said)?;
        to.flush()?;
    }
    Ok(())
}
