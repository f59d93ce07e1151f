//! What an activity sees and says.

use std::any::type_name;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::call::CancelToken;
use crate::error::{Error, SagaError};
use crate::v1::{ActivityTask, ErrorKind, StepOutcome};
use crate::value::{ToValue, Value};
use crate::worker::{Run, Shared};

/// What is known of a step's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It completed.
    Completed,
    /// Nothing happened.
    NoEffect,
    /// Nobody knows.
    Unknown,
}

impl From<StepOutcome> for Outcome {
    fn from(outcome: StepOutcome) -> Self {
        match outcome {
            StepOutcome::Completed => Self::Completed,
            StepOutcome::NoEffect => Self::NoEffect,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::NoEffect => "no_effect",
            Self::Unknown => "unknown",
        })
    }
}

/// What an undo activity receives. It may be called for a step that never happened (the outcome is unknown): it must accept
/// "nothing there".
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Undo<In, Out = Value> {
    /// What the step received.
    pub input: In,
    /// What the step returned; none unless the outcome is `Completed`.
    pub output: Option<Out>,
    /// What is known of the step.
    pub outcome: Outcome,
    /// Of the step (the undo's own is in its context).
    pub idempotency_key: String,
    /// What the step's activity prepared by [`ActivityContext::set_undo_data`], or what an operator gave instead.
    pub data: Value,
}

/// What an activity knows about its attempt, and can say while it runs.
pub struct ActivityContext {
    pub(crate) task: Arc<ActivityTask>,
    pub(crate) heartbeat_details: Value,
    pub(crate) run: Arc<Run>,
    pub(crate) worker: Weak<Shared>,
}

impl ActivityContext {
    /// The namespace of the saga.
    pub fn namespace(&self) -> &str {
        &self.task.namespace
    }

    /// The caller's name of the saga.
    pub fn workflow_id(&self) -> &str {
        &self.task.workflow_id
    }

    /// The type of the saga.
    pub fn workflow_type(&self) -> &str {
        &self.task.workflow_type
    }

    /// The run, 16 bytes.
    pub fn saga_id(&self) -> &[u8] {
        &self.task.saga_id
    }

    /// The name that this activity was called by.
    pub fn activity_type(&self) -> &str {
        &self.task.activity_type
    }

    /// The id of the step.
    pub fn step_id(&self) -> &str {
        &self.task.step_id
    }

    /// The queue that the task came from.
    pub fn task_queue(&self) -> &str {
        &self.task.task_queue
    }

    /// Counts from 1.
    pub fn attempt(&self) -> u32 {
        self.task.attempt
    }

    /// The same over all attempts: give it to the systems you call.
    pub fn idempotency_key(&self) -> &str {
        &self.task.idempotency_key
    }

    /// This is the undo of a step.
    pub fn is_undo(&self) -> bool {
        self.task.is_undo
    }

    /// The task asks whether a step of unknown outcome happened; return true or false.
    pub fn is_probe(&self) -> bool {
        self.task.is_probe
    }

    /// W3C trace context; empty = none.
    pub fn traceparent(&self) -> &str {
        &self.task.traceparent
    }

    /// What the last heartbeat of an earlier attempt said.
    pub fn heartbeat_details(&self) -> &Value {
        &self.heartbeat_details
    }

    /// Says that the attempt is alive and how far it is; the next attempt gets the last details (`&()` if there are none). Cheap to call
    /// often: it is sent at most a few times in a heartbeat time-out.
    ///
    /// # Errors
    /// The details cannot be encoded.
    pub fn heartbeat(&self, details: &(impl ToValue + ?Sized)) -> Result<(), Error> {
        let details = details.to_value()?;
        if let Some(worker) = self.worker.upgrade() {
            worker.heartbeat(&self.run, details);
        }
        Ok(())
    }

    /// Keeps what the undo of this step will need beside input and output.
    ///
    /// # Errors
    /// The value cannot be encoded.
    pub fn set_undo_data(&self, value: &(impl ToValue + ?Sized)) -> Result<(), Error> {
        let value = value.to_value()?;
        self.run.set_undo_data(value);
        Ok(())
    }

    /// The attempt should stop: the saga is cancelled, the attempt is given up, or the worker is at its end.
    pub fn is_cancelled(&self) -> bool {
        self.run.cancel.is_cancelled()
    }

    /// An error if the attempt should stop; returned with `?` it is reported as cancelled.
    ///
    /// # Errors
    /// The attempt should stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            return Err(Cancelled);
        }
        Ok(())
    }

    /// Sleeps, and wakes with an error when the attempt should stop.
    ///
    /// # Errors
    /// The attempt should stop.
    pub fn sleep(&self, time: Duration) -> Result<(), Cancelled> {
        if self.run.cancel.wait(time) {
            return Err(Cancelled);
        }
        Ok(())
    }

    /// Is cancelled when the attempt should stop; for calls of a client.
    pub fn cancel_token(&self) -> &CancelToken {
        &self.run.cancel
    }
}

impl fmt::Debug for ActivityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActivityContext({} of {}, attempt {})", self.activity_type(), self.workflow_id(), self.attempt())
    }
}

/// The attempt should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the attempt was asked to stop")
    }
}

impl std::error::Error for Cancelled {}

/// What an activity fails with. Any error becomes one by `?`: a [`SagaError`] says itself what it means, [`Cancelled`] is reported
/// as cancelled, all others are retried, and their effect is unknown.
pub struct Failure {
    pub(crate) error: Box<dyn std::error::Error + Send + Sync>,
    /// The last part of the error's type, which is its code.
    name: String,
    pub(crate) no_effect: bool,
}

impl Failure {
    /// The business said no ("card declined"): not retried, and nothing happened.
    pub fn domain(code: impl Into<String>, message: impl Into<String>) -> Self {
        SagaError::domain(code, message).into()
    }

    /// The input is wrong: not retried, and nothing happened.
    pub fn validation(code: impl Into<String>, message: impl Into<String>) -> Self {
        SagaError::validation(code, message).into()
    }

    /// A text; retried, and its effect is unknown.
    pub fn message(text: impl Into<String>) -> Self {
        Self { error: text.into().into(), name: "Error".into(), no_effect: false }
    }

    /// An error in a box; retried, and its effect is unknown.
    pub fn boxed(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self { error, name: "Error".into(), no_effect: false }
    }

    /// The same, and nothing happened: the step needs no undo.
    #[must_use]
    pub fn no_effect(mut self) -> Self {
        self.no_effect = true;
        self
    }

    /// For the wire.
    pub(crate) fn saga_error(&self) -> SagaError {
        match self.error.downcast_ref::<SagaError>() {
            Some(known) => known.clone(),
            None => SagaError::new(ErrorKind::ActivityExecution, self.name.clone(), self.error.to_string()),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let full = type_name::<E>();
        let plain = full.split('<').next().unwrap_or(full);
        let name = plain.rsplit("::").next().unwrap_or(plain).to_owned();
        Self { error: Box::new(error), name, no_effect: false }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("error", &self.error).field("no_effect", &self.no_effect).finish_non_exhaustive()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_what_they_say() {
        let refused = Failure::domain("CardDeclined", "no").saga_error();
        assert_eq!((refused.kind, refused.code.as_str()), (ErrorKind::Domain, "CardDeclined"));
        let failed = || -> Result<u8, Failure> { Ok("x".parse::<u8>()?) };
        let other = failed().unwrap_err();
        assert_eq!(other.saga_error().code, "ParseIntError");
        assert!(!other.no_effect && other.no_effect().no_effect);
        assert!(Failure::from(Cancelled).error.is::<Cancelled>());
    }
}
