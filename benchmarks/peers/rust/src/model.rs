use serde::{de, Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// 16 raw bytes, no length prefix (serde tuple). JSON: 32 hex chars.
#[derive(Clone, Copy, PartialEq, Debug, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
#[archive_attr(derive(bytecheck::CheckBytes))]
pub struct SagaId(pub [u8; 16]);
impl Serialize for SagaId {
    #[inline]
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(&self.0.iter().map(|b| format!("{b:02x}")).collect::<String>())
        } else {
            self.0.serialize(s)
        }
    }
}
impl<'de> Deserialize<'de> for SagaId {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            let s = <std::borrow::Cow<str>>::deserialize(d)?;
            let mut o = [0u8; 16];
            for (i, b) in o.iter_mut().enumerate() {
                *b = u8::from_str_radix(&s[2 * i..2 * i + 2], 16).map_err(de::Error::custom)?;
            }
            Ok(SagaId(o))
        } else {
            Ok(SagaId(<[u8; 16]>::deserialize(d)?))
        }
    }
}

/// Payload bytes. Binary: serde bytes (len + raw). JSON: UTF-8 text (payloads are JSON text).
#[derive(Clone, PartialEq, Debug, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
#[archive_attr(derive(bytecheck::CheckBytes))]
pub struct Payload(pub Vec<u8>);
impl Serialize for Payload {
    #[inline]
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(std::str::from_utf8(&self.0).unwrap())
        } else {
            s.serialize_bytes(&self.0)
        }
    }
}
/// What `serde_bytes` does: the whole array at once, not byte by byte.
struct PayloadVisitor;
impl<'de> serde::de::Visitor<'de> for PayloadVisitor {
    type Value = Payload;
    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a byte array")
    }
    #[inline]
    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Payload, E> {
        Ok(Payload(bytes.to_vec()))
    }
    #[inline]
    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Payload, E> {
        Ok(Payload(bytes))
    }
}
impl<'de> Deserialize<'de> for Payload {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            Ok(Payload(String::deserialize(d)?.into_bytes()))
        } else {
            d.deserialize_byte_buf(PayloadVisitor)
        }
    }
}

macro_rules! unit_enum { ($n:ident : $($v:ident)*) => {
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
    #[archive_attr(derive(bytecheck::CheckBytes))]
    #[repr(u8)]
    pub enum $n { $($v),* }
    impl $n { pub const ALL: &'static [$n] = &[$($n::$v),*]; }
}}
unit_enum!(EventType:
 WorkflowExecutionStarted WorkflowExecutionCompleted WorkflowExecutionFailed WorkflowExecutionTimedOut
 WorkflowExecutionCanceled WorkflowExecutionTerminated WorkflowExecutionContinuedAsNew WorkflowExecutionCancelRequested
 WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted WorkflowTaskFailed
 WorkflowTaskTimedOut WorkflowPropertiesModified ActivityTaskScheduled ActivityTaskStarted
 ActivityTaskCompleted ActivityTaskFailed ActivityTaskTimedOut ActivityTaskCanceled
 ActivityTaskCancelRequested ActivityTaskHeartbeat ActivityTaskRetried TimerCreated
 TimerFired TimerCanceled SignalReceived SignalExternalInitiated
 SignalExternalFailed SignalExternalCompleted CompensationStarted CompensationStepStarted
 CompensationStepCompleted CompensationStepFailed CompensationCompleted CompensationFailed
 MarkerRecorded SideEffectRecorded VersionMarkerRecorded LocalActivityMarker
 SnapshotCreated SnapshotRestored SnapshotDeleted ChildWorkflowInitiated
 ChildWorkflowStarted ChildWorkflowCompleted ChildWorkflowFailed ChildWorkflowTimedOut
 ChildWorkflowCanceled ChildWorkflowTerminated UpdateAccepted UpdateRejected
 UpdateCompleted QueryReceived QueryAnswered SearchAttributesUpserted
 MemoUpserted ResetPointCreated LeaseAcquired LeaseLost
 TaskQueueChanged RetryScheduled RateLimited Custom);
unit_enum!(EventCategory: Workflow Activity Timer Signal Marker Snapshot Compensation Command);

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
#[archive_attr(derive(bytecheck::CheckBytes))]
pub struct Failure {
    pub message: String,
    pub kind: String,
    pub retryable: bool,
    pub context: BTreeMap<String, String>,
    pub cause: Option<String>,
}
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
#[archive_attr(derive(bytecheck::CheckBytes))]
pub struct RetryPolicy {
    pub initial_interval_ms: u64,
    pub backoff: f64,
    pub max_interval_ms: u64,
    pub max_attempts: u32,
    pub non_retryable: Vec<String>,
}
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
#[archive_attr(derive(bytecheck::CheckBytes))]
pub enum Attributes {
    WorkflowStarted { workflow_type: String, workflow_id: String, task_queue: String, input: Payload, run_timeout_ms: u64, attempt: u32, parent: Option<String> },
    WorkflowCompleted { result: Payload, duration_ms: u64 },
    WorkflowFailed(Failure),
    ActivityScheduled { activity_id: u64, activity_type: String, task_queue: String, input: Payload, schedule_to_close_ms: u64, start_to_close_ms: u64, heartbeat_ms: Option<u64>, retry: RetryPolicy },
    ActivityStarted { scheduled_event_id: u64, worker: String, attempt: u32 },
    ActivityCompleted { scheduled_event_id: u64, started_event_id: u64, result: Payload },
    ActivityFailed { scheduled_event_id: u64, started_event_id: u64, failure: Failure, attempt: u32 },
    TimerCreated { timer_id: String, fire_at_micros: i64 },
    TimerFired { timer_id: String, started_event_id: u64 },
    SignalReceived { name: String, identity: Option<String>, input: Payload },
    CompensationStarted { step: String, target_event_id: u64, reason: String },
    CompensationCompleted { step: String, target_event_id: u64, result: Option<Payload>, ok: bool },
    MarkerRecorded { name: String, details: BTreeMap<String, String> },
    SnapshotCreated { last_event_id: u64, state: Payload, checksum: u32 },
}
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
#[archive_attr(derive(bytecheck::CheckBytes))]
pub struct HistoryEvent {
    pub event_id: u64,
    pub saga_id: SagaId,
    pub event_type: EventType,
    pub category: EventCategory,
    pub timestamp_micros: i64,
    pub attributes: Attributes,
    pub event_version: u32,
    pub is_reset_point: bool,
    pub trace_id: Option<String>,
}

// ---- borrowed view -------------------------------------------------------
#[allow(dead_code)] // Read by the decoder only.
#[derive(Debug, Deserialize)]
pub struct FailureRef<'a> {
    #[serde(borrow)] pub message: &'a str,
    #[serde(borrow)] pub kind: &'a str,
    pub retryable: bool,
    #[serde(borrow)] pub context: BTreeMap<&'a str, &'a str>,
    #[serde(borrow)] pub cause: Option<&'a str>,
}
#[allow(dead_code)] // Read by the decoder only.
#[derive(Debug, Deserialize)]
pub struct RetryPolicyRef<'a> {
    pub initial_interval_ms: u64,
    pub backoff: f64,
    pub max_interval_ms: u64,
    pub max_attempts: u32,
    #[serde(borrow)] pub non_retryable: Vec<&'a str>,
}
#[allow(dead_code)] // Read by the decoder only.
#[derive(Debug, Deserialize)]
pub enum AttributesRef<'a> {
    WorkflowStarted { #[serde(borrow)] workflow_type: &'a str, workflow_id: &'a str, task_queue: &'a str, input: &'a [u8], run_timeout_ms: u64, attempt: u32, parent: Option<&'a str> },
    WorkflowCompleted { #[serde(borrow)] result: &'a [u8], duration_ms: u64 },
    WorkflowFailed(#[serde(borrow)] FailureRef<'a>),
    ActivityScheduled { activity_id: u64, #[serde(borrow)] activity_type: &'a str, task_queue: &'a str, input: &'a [u8], schedule_to_close_ms: u64, start_to_close_ms: u64, heartbeat_ms: Option<u64>, retry: RetryPolicyRef<'a> },
    ActivityStarted { scheduled_event_id: u64, worker: &'a str, attempt: u32 },
    ActivityCompleted { scheduled_event_id: u64, started_event_id: u64, result: &'a [u8] },
    ActivityFailed { scheduled_event_id: u64, started_event_id: u64, failure: FailureRef<'a>, attempt: u32 },
    TimerCreated { timer_id: &'a str, fire_at_micros: i64 },
    TimerFired { timer_id: &'a str, started_event_id: u64 },
    SignalReceived { name: &'a str, #[serde(borrow)] identity: Option<&'a str>, input: &'a [u8] },
    CompensationStarted { step: &'a str, target_event_id: u64, reason: &'a str },
    CompensationCompleted { step: &'a str, target_event_id: u64, #[serde(borrow)] result: Option<&'a [u8]>, ok: bool },
    MarkerRecorded { name: &'a str, #[serde(borrow)] details: BTreeMap<&'a str, &'a str> },
    SnapshotCreated { last_event_id: u64, state: &'a [u8], checksum: u32 },
}
#[allow(dead_code)] // Read by the decoder only.
#[derive(Debug, Deserialize)]
pub struct HistoryEventRef<'a> {
    pub event_id: u64,
    pub saga_id: [u8; 16],
    pub event_type: EventType,
    pub category: EventCategory,
    pub timestamp_micros: i64,
    #[serde(borrow)] pub attributes: AttributesRef<'a>,
    pub event_version: u32,
    pub is_reset_point: bool,
    #[serde(borrow)] pub trace_id: Option<&'a str>,
}
