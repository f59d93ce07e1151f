//! What can go wrong, and the one structure for it that crosses the wire.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::v1::{self, ErrorKind, StatusCode, WorkflowStatus};
use crate::value::{Value, Values};

/// Why a call did not do what it should.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The connection could not be made, or ended: what was under way may or may not have happened.
    ConnectionLost {
        /// For people.
        reason: String,
        /// The server has not begun the call.
        not_processed: bool,
    },
    /// The server said no. A passed deadline is one of these, see [`Error::is_deadline_exceeded`].
    Status(Box<Status>),
    /// The saga ended otherwise than by completing.
    Workflow(Box<WorkflowEnded>),
    /// An update was refused by the workflow's code, or rolled back.
    Refused(Box<SagaError>),
    /// The call was cancelled by its [`CancelToken`](crate::CancelToken).
    Cancelled {
        /// `Service.Method`.
        method: &'static str,
    },
    /// A value could not be encoded, or a payload is not what was asked for.
    Value(String),
    /// What was asked for cannot be: an option, a definition, a file that cannot be read.
    Invalid(String),
}

impl Error {
    pub(crate) fn lost(reason: impl Into<String>) -> Self {
        Self::ConnectionLost { reason: reason.into(), not_processed: false }
    }

    pub(crate) fn not_processed(reason: impl Into<String>) -> Self {
        Self::ConnectionLost { reason: reason.into(), not_processed: true }
    }

    pub(crate) fn status(code: StatusCode, message: impl Into<String>) -> Self {
        Self::Status(Box::new(Status { code, message: message.into(), error: None, retry_after: Duration::ZERO }))
    }

    pub(crate) fn deadline(method: &str) -> Self {
        Self::status(StatusCode::DeadlineExceeded, format!("{method} was not answered in time"))
    }

    /// The code of a [`Status`], if it is one.
    pub fn code(&self) -> Option<StatusCode> {
        match self {
            Self::Status(status) => Some(status.code),
            _ => None,
        }
    }

    /// The call's deadline has passed: what became of it is unknown. Repeat it with the same request id.
    pub fn is_deadline_exceeded(&self) -> bool {
        self.code() == Some(StatusCode::DeadlineExceeded)
    }

    /// The connection was lost.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::ConnectionLost { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionLost { reason, .. } => write!(f, "connection lost: {reason}"),
            Self::Status(status) => status.fmt(f),
            Self::Workflow(ended) => ended.fmt(f),
            Self::Refused(error) => error.fmt(f),
            Self::Cancelled { method } => write!(f, "{method} was cancelled"),
            Self::Value(what) | Self::Invalid(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Status(status) => status.error.as_ref().map(|error| error as _),
            Self::Workflow(ended) => ended.error.as_ref().map(|error| error as _),
            Self::Refused(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

/// The server's answer to a call that it did not carry out.
#[derive(Clone, Debug)]
pub struct Status {
    /// gRPC's numbers and names.
    pub code: StatusCode,
    /// For people.
    pub message: String,
    /// For programs, if the server had something to add.
    pub error: Option<SagaError>,
    /// How long to wait before a retry; zero = no advice.
    pub retry_after: Duration,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl Status {
    pub(crate) fn from_wire(status: v1::Status, values: &Values) -> Error {
        Error::Status(Box::new(Self {
            code: status.code,
            message: status.message,
            error: status.error.map(|error| SagaError::from_wire(error, values)),
            retry_after: Duration::from_millis(status.retry_after_ms.min(3_600_000)),
        }))
    }
}

/// The one error structure of the engine: return it from an activity, find it in an [`Error::Workflow`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SagaError {
    /// Decides what the engine does: `Validation` and `Domain` are not retried and mean that nothing happened, most others
    /// are retried. `Unknown` counts as `ActivityExecution` when an activity returns it.
    pub kind: ErrorKind,
    /// Your own name for it, such as `CardDeclined`. At most 255 bytes.
    pub code: String,
    /// For people.
    pub message: String,
    /// Facts for programs.
    pub context: BTreeMap<String, String>,
    /// Do not repeat this, whatever the kind says.
    pub non_retryable: bool,
    /// A value of your own.
    pub details: Option<Value>,
}

impl SagaError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { kind, code, message, context: BTreeMap::new(), non_retryable: false, details: None }
    }

    /// The business said no ("card declined"): not retried, and nothing happened.
    pub fn domain(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Domain, code, message)
    }

    /// The input is wrong: not retried, and nothing happened.
    pub fn validation(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Validation, code, message)
    }

    /// The same with a fact for programs.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.insert(key.into(), value.into());
        self
    }

    /// The same, not to be retried.
    #[must_use]
    pub fn non_retryable(mut self) -> Self {
        self.non_retryable = true;
        self
    }

    /// The same with a value of your own.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    pub(crate) fn to_wire(&self, values: &Values) -> v1::SagaError {
        let kind = if self.kind == ErrorKind::Unknown { ErrorKind::ActivityExecution } else { self.kind };
        let mut message = cut(&self.message, 4_096);
        let details = self.details.clone().map(|details| values.seal(details)).transpose().unwrap_or_else(|problem| {
            message = cut(&format!("{} (its details are left out: {problem})", self.message), 4_096);
            None
        });
        v1::SagaError {
            kind,
            code: cut(&self.code, 255),
            message,
            context: self
                .context
                .iter()
                .map(|(key, value)| v1::MetadataEntry { key: cut(key, 255), value: cut(value, 65_536) })
                .collect(),
            non_retryable: self.non_retryable,
            timestamp_us: now_us(),
            details,
            ..Default::default()
        }
    }

    pub(crate) fn from_wire(error: v1::SagaError, values: &Values) -> Self {
        Self {
            kind: error.kind,
            code: error.code,
            message: error.message,
            context: error.context.into_iter().map(|entry| (entry.key, entry.value)).collect(),
            non_retryable: error.non_retryable,
            details: error.details.map(|details| values.value(Some(details))),
        }
    }
}

impl fmt::Display for SagaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.code.is_empty() { self.kind.name() } else { &self.code };
        write!(f, "{name}: {}", self.message)
    }
}

impl std::error::Error for SagaError {}

/// A saga that ended otherwise than by completing.
#[derive(Clone, Debug)]
pub struct WorkflowEnded {
    /// The caller's name of the saga.
    pub workflow_id: String,
    /// `Failed`, `Canceled`, `TimedOut` or `Terminated`.
    pub status: WorkflowStatus,
    /// Why it failed; none unless the status is `Failed`.
    pub error: Option<SagaError>,
    /// Reason of a cancel or terminate.
    pub reason: String,
    /// What was undone.
    pub compensation: Compensation,
}

impl fmt::Display for WorkflowEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workflow {} {}", self.workflow_id, self.status.name().to_lowercase())?;
        match &self.error {
            Some(error) => write!(f, ": {error}"),
            None if self.reason.is_empty() => Ok(()),
            None => write!(f, ": {}", self.reason),
        }
    }
}

/// What the unwinding of a saga reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compensation {
    /// How far.
    pub state: v1::CompensationState,
    /// The undo entries left open, by the event that scheduled their step.
    pub open_entries: Vec<u64>,
}

impl fmt::Display for Compensation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.state.name().to_lowercase())
    }
}

/// Text that the server takes: no NUL, at most so many bytes.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end)
        .unwrap_or_default()
        .replace('\0', "\u{fffd}")
        .chars()
        .scan(0, |size, letter| {
            *size += letter.len_utf8();
            (*size <= limit).then_some(letter)
        })
        .collect()
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
