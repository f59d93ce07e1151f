//! The activities that the suite's programs are carried out by.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use saga_engine::v1::ErrorKind;
use saga_engine::{ActivityContext, Cancelled, Failure, Protobuf, SagaError, Undo, Value, WorkerBuilder};
use serde_json::Value as Json;

use crate::from_given;
use crate::messages::{ActivityProgram, Op, Step};

/// What activities wrote down.
#[derive(Default)]
pub struct Journal(Mutex<Vec<String>>);

impl Journal {
    fn write(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub fn register(builder: WorkerBuilder, journal: &Arc<Journal>) -> WorkerBuilder {
    let (doing, undoing) = (journal.clone(), journal.clone());
    builder
        .activity("program", move |context: &ActivityContext, program: Protobuf<ActivityProgram>| {
            doing.write(format!("do {} {}", program.0.name, context.attempt()));
            carry_out(&doing, context, &program.0.name, &program.0.steps)
        })
        .undo("undo", move |context: &ActivityContext, undo: Undo<Protobuf<ActivityProgram>, Value>| {
            let name = &undo.input.0.name;
            let own = context.idempotency_key().starts_with(&format!("{}/undo", undo.idempotency_key));
            let key = if context.is_undo() && own { "key" } else { "bad-key" };
            let output = undo.output.as_ref().map_or("null".into(), text);
            undoing.write(format!("undo {name} {} {output} {} {key}", undo.outcome, text(&undo.data)));
            carry_out(&undoing, context, name, &undo.input.0.undo_steps)
        })
        .activity("echo", |_: &ActivityContext, value: Value| Ok(value))
}

fn text(value: &Value) -> String {
    value.get::<Json>().map_or_else(|error| error.to_string(), |json| json.to_string())
}

fn carry_out(journal: &Journal, context: &ActivityContext, name: &str, steps: &[Step]) -> Result<Value, Failure> {
    for step in steps.iter().filter(|step| step.only_attempt == 0 || step.only_attempt == context.attempt()) {
        let value = || from_given(step.value.as_ref());
        match step.op {
            Op::Return => return Ok(value()?),
            Op::Fail => {
                let kind = ErrorKind::from(step.error_kind as i32);
                let mut error = SagaError::new(kind, &step.error_code, &step.text).with("who", "conformance");
                error.non_retryable = step.non_retryable;
                let failure = Failure::from(error);
                return Err(if step.no_effect { failure.no_effect() } else { failure });
            }
            Op::Throw => return Err(std::io::Error::other(step.text.clone()).into()),
            Op::Heartbeat => context.heartbeat(&value()?)?,
            Op::Sleep => std::thread::sleep(Duration::from_millis(step.ms)),
            Op::AwaitCancel => {
                let end = Instant::now() + Duration::from_millis(step.ms);
                while context.sleep(Duration::from_millis(100)).is_ok() {
                    if Instant::now() >= end {
                        return Err(SagaError::new(ErrorKind::Timeout, "", "nobody cancelled it").into());
                    }
                    context.heartbeat(&())?;
                }
                journal.write(format!("cancelled {name}"));
                let failure = Failure::from(Cancelled);
                return Err(if step.no_effect { failure.no_effect() } else { failure });
            }
            Op::UndoData => context.set_undo_data(&value()?)?,
            Op::Crash => std::process::abort(),
            Op::LogDetails => journal.write(format!("details {name} {}", text(context.heartbeat_details()))),
            _ => return Err(Failure::message(format!("unknown op {:?}", step.op))),
        }
    }
    Ok(Value::of(&())?)
}
