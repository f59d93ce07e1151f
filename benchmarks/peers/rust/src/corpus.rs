//! The corpus, drawn in the order of the statements in `CorpusGenerator.swift`.
use crate::model::*;
use std::collections::BTreeMap;

struct Lcg(u64);
impl Lcg {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32
    }
    pub fn below(&mut self, n: u32) -> u32 { self.next() % n }
}
const WF: [&str; 8] = ["OrderWorkflow", "PaymentWorkflow", "CustomerOnboardingWorkflow", "RefundWorkflow", "SubscriptionRenewalWorkflow", "ShipmentTrackingWorkflow", "KycReview", "InvoiceSettlementWorkflow"];
const ACT: [&str; 10] = ["reserve_inventory", "charge_payment", "send_email", "create_shipment", "release_inventory", "refund_payment", "notify_customer_by_sms", "update_ledger", "validate_address", "verify_identity_document"];
const QUEUES: [&str; 6] = ["default", "payments-high", "orders", "shipping-eu-west-1", "notifications-bulk", "kyc"];
const SIGNALS: [&str; 6] = ["approve", "cancel_requested", "payment_received", "address_changed", "retry", "customer_confirmed_delivery"];
const MARKERS: [&str; 4] = ["version", "side_effect", "local_activity", "deprecated-change-2026-03"];
const KINDS: [&str; 5] = ["Timeout", "ApplicationError", "ConnectionRefused", "ValidationError", "Throttled"];
const MESSAGES: [&str; 8] = ["connection refused by peer", "card declined: insufficient funds", "deadline exceeded after 30s while waiting for the inventory service", "invalid postal code", "rate limit exceeded", "délai dépassé: café n°7", "タイムアウトしました (注文サービス)", "unexpected HTTP status 503 from upstream gateway"];
const CTX_KEYS: [&str; 4] = ["attempt", "endpoint", "host", "region"];
const CTX_VALS: [&str; 4] = ["try", "https://api.internal/v2/orders", "ip-10-0-3", "eu-west"];
const STATUS: [&str; 6] = ["pending", "approved", "rejected", "shipped", "delivered", "refunded"];
const WORDS: [&str; 16] = ["alpha", "order", "customer", "warehouse", "gold", "priority", "fragile", "gift", "express", "invoice", "north", "blue", "retail", "batch", "line", "unit"];

fn hex8(r: &mut Lcg) -> String { format!("{:08x}", r.next()) }
fn payload(r: &mut Lcg, n: usize) -> Payload {
    let mut s = String::with_capacity(n + 16);
    s += "{\"id\":\""; s += &hex8(r);
    s += "\",\"amount\":"; s += &r.below(100_000).to_string();
    s += ",\"status\":\""; s += STATUS[r.below(6) as usize];
    s += "\",\"note\":\"";
    while s.len() < n - 2 { s += WORDS[r.below(16) as usize]; s += " "; }
    s.truncate(n - 2);
    s += "\"}";
    Payload(s.into_bytes())
}
fn ctx(r: &mut Lcg) -> BTreeMap<String, String> {
    let n = 2 + r.below(3) as usize;
    let mut m = BTreeMap::new();
    for k in 0..n { m.insert(CTX_KEYS[k].to_string(), format!("{}-{}", CTX_VALS[k], r.below(1000))); }
    m
}
fn failure(r: &mut Lcg) -> Failure {
    let message = MESSAGES[r.below(8) as usize].to_string();
    let kind = KINDS[r.below(5) as usize].to_string();
    let retryable = r.below(2) == 0;
    let context = ctx(r);
    let cause = if r.below(3) == 0 { Some(MESSAGES[r.below(8) as usize].to_string()) } else { None };
    Failure { message, kind, retryable, context, cause }
}
fn worker(r: &mut Lcg) -> String { let a = r.below(32); let b = r.below(256); format!("worker-{a}@host-{b}") }

pub fn corpus(n: usize) -> Vec<HistoryEvent> {
    use EventCategory as C; use EventType as T;
    let r = &mut Lcg(42);
    let mut saga = [0u8; 16];
    let mut ts: i64 = 1_700_000_000_000_000;
    let mut out = Vec::with_capacity(n);
    for i in 0..n {
        if i % 100 == 0 { for b in saga.iter_mut() { *b = r.below(256) as u8; } }
        let roll = r.below(100);
        ts += 1 + r.below(50_000) as i64;
        let trace_id = if r.below(2) == 0 { let mut s = String::new(); for _ in 0..4 { s += &hex8(r); } Some(s) } else { None };
        let event_version = if r.below(10) == 0 { 2 + r.below(3) } else { 1 };
        let reset = r.below(50) == 0;
        // cumulative: 4 22 22 20 4 6 5 5 3 1 2 2 3 1
        let (t, c, attributes) = if roll < 4 {
            let workflow_type = WF[r.below(8) as usize].to_string();
            let workflow_id = format!("order-{}", hex8(r));
            let task_queue = QUEUES[r.below(6) as usize].to_string();
            let pn = 64 + r.below(192) as usize; let input = payload(r, pn);
            let run_timeout_ms = 60_000 * (1 + r.below(60) as u64);
            let attempt = 1 + r.below(3);
            let parent = if r.below(4) == 0 { Some(format!("order-{}", hex8(r))) } else { None };
            (T::WorkflowExecutionStarted, C::Workflow, Attributes::WorkflowStarted { workflow_type, workflow_id, task_queue, input, run_timeout_ms, attempt, parent })
        } else if roll < 26 {
            let activity_id = r.below(1000) as u64;
            let activity_type = ACT[r.below(10) as usize].to_string();
            let task_queue = QUEUES[r.below(6) as usize].to_string();
            let pn = 64 + r.below(96) as usize; let input = payload(r, pn);
            let schedule_to_close_ms = 1000 * (1 + r.below(600) as u64);
            let start_to_close_ms = 1000 * (1 + r.below(300) as u64);
            let heartbeat_ms = if r.below(3) == 0 { Some(1000 * (1 + r.below(30) as u64)) } else { None };
            let initial_interval_ms = 100 * (1 + r.below(50) as u64);
            let backoff = 1.0 + r.below(8) as f64 * 0.25;
            let max_attempts = 1 + r.below(10);
            let k = r.below(3) as usize;
            let non_retryable = KINDS[..k].iter().map(|s| s.to_string()).collect();
            (T::ActivityTaskScheduled, C::Activity, Attributes::ActivityScheduled { activity_id, activity_type, task_queue, input, schedule_to_close_ms, start_to_close_ms, heartbeat_ms,
                retry: RetryPolicy { initial_interval_ms, backoff, max_interval_ms: 60_000, max_attempts, non_retryable } })
        } else if roll < 48 {
            let scheduled_event_id = r.below(100) as u64; let worker = worker(r); let attempt = 1 + r.below(3);
            (T::ActivityTaskStarted, C::Activity, Attributes::ActivityStarted { scheduled_event_id, worker, attempt })
        } else if roll < 68 {
            let scheduled_event_id = r.below(100) as u64; let started_event_id = r.below(100) as u64; let result = payload(r, 120);
            (T::ActivityTaskCompleted, C::Activity, Attributes::ActivityCompleted { scheduled_event_id, started_event_id, result })
        } else if roll < 72 {
            let scheduled_event_id = r.below(100) as u64; let started_event_id = r.below(100) as u64; let failure = failure(r); let attempt = 1 + r.below(3);
            (T::ActivityTaskFailed, C::Activity, Attributes::ActivityFailed { scheduled_event_id, started_event_id, failure, attempt })
        } else if roll < 78 {
            let timer_id = format!("timer-{}", r.below(100_000)); let fire_at_micros = ts + 1_000_000 * (1 + r.below(3600) as i64);
            (T::TimerCreated, C::Timer, Attributes::TimerCreated { timer_id, fire_at_micros })
        } else if roll < 83 {
            let timer_id = format!("timer-{}", r.below(100_000)); let started_event_id = r.below(100) as u64;
            (T::TimerFired, C::Timer, Attributes::TimerFired { timer_id, started_event_id })
        } else if roll < 88 {
            let name = SIGNALS[r.below(6) as usize].to_string();
            let identity = if r.below(2) == 0 { Some(worker(r)) } else { None };
            let pn = 64 + r.below(64) as usize; let input = payload(r, pn);
            (T::SignalReceived, C::Signal, Attributes::SignalReceived { name, identity, input })
        } else if roll < 91 {
            let pn = 64 + r.below(128) as usize; let result = payload(r, pn); let duration_ms = r.below(10_000_000) as u64;
            (T::WorkflowExecutionCompleted, C::Workflow, Attributes::WorkflowCompleted { result, duration_ms })
        } else if roll < 92 {
            (T::WorkflowExecutionFailed, C::Workflow, Attributes::WorkflowFailed(failure(r)))
        } else if roll < 94 {
            let step = ACT[r.below(10) as usize].to_string(); let target_event_id = r.below(100) as u64; let reason = MESSAGES[r.below(8) as usize].to_string();
            (T::CompensationStepStarted, C::Compensation, Attributes::CompensationStarted { step, target_event_id, reason })
        } else if roll < 96 {
            let step = ACT[r.below(10) as usize].to_string(); let target_event_id = r.below(100) as u64;
            let result = if r.below(2) == 0 { let pn = 64 + r.below(32) as usize; Some(payload(r, pn)) } else { None };
            let ok = r.below(10) != 0;
            (T::CompensationStepCompleted, C::Compensation, Attributes::CompensationCompleted { step, target_event_id, result, ok })
        } else if roll < 99 {
            let name = MARKERS[r.below(4) as usize].to_string(); let details = ctx(r);
            (T::MarkerRecorded, C::Marker, Attributes::MarkerRecorded { name, details })
        } else {
            let last_event_id = r.below(100) as u64; let pn = 512 + r.below(512) as usize; let state = payload(r, pn); let checksum = r.next();
            (T::SnapshotCreated, C::Snapshot, Attributes::SnapshotCreated { last_event_id, state, checksum })
        };
        out.push(HistoryEvent { event_id: (i % 100) as u64, saga_id: SagaId(saga), event_type: t, category: c, timestamp_micros: ts, attributes, event_version, is_reset_point: roll == 99 || reset, trace_id });
    }
    out
}
