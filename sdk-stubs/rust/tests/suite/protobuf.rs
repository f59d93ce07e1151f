//! The wire format: what is written comes back, and no bytes make the reader panic.

use saga_engine::protobuf::{Message, Writer};
use saga_engine::v1::*;

fn payload(text: &str) -> Option<Payload> {
    let metadata = vec![MetadataEntry { key: "k".into(), value: String::new() }];
    Some(Payload { encoding: "json".into(), data: text.into(), metadata })
}

fn sample() -> WorkerItem {
    let open = WorkOpen {
        identity: "héllo ✓".into(),
        task_queues: vec!["a".into(), String::new(), "b".repeat(300)],
        slots: vec![Slots { task_queue: "a".into(), add_activities: u32::MAX, add_workflows: 0 }],
        running_task_tokens: vec![vec![0; 200], vec![]],
        ..Default::default()
    };
    let header = RequestHeader { deadline_ms: u64::MAX, request_id: "id".into(), ..Default::default() };
    WorkerItem { header: Some(header), item: Some(WorkerItemItem::Open(Box::new(open))) }
}

fn same<M: Message + PartialEq + std::fmt::Debug>(message: &M) {
    assert_eq!(&M::decode(&message.encode()).unwrap(), message);
}

#[test]
fn messages_come_back_as_they_were() {
    same(&sample());
    same(&StartOptions {
        workflow_id: "w".into(),
        execution_timeout_us: i64::MIN,
        cancel_grace_us: Some(0),
        auto_compensate: Some(false),
        id_reuse_policy: IdReusePolicy::Reject,
        input: payload("{}"),
        ..Default::default()
    });
    same(&RetryPolicy {
        backoff_coefficient: -0.5,
        non_retryable_kinds: vec![ErrorKind::Domain, ErrorKind::Unrecognized(99), ErrorKind::Unrecognized(-1)],
        ..Default::default()
    });
    same(&CompensationSummary { state: CompensationState::Partial, open_entries: vec![0, 1, 127, 128, u64::MAX] });
    same(&StateAtRequest { at: Some(StateAtRequestAt::TimeUs(-1)), ..Default::default() });
    same(&ActivityStep { priority: i32::MIN, ..Default::default() });
}

#[test]
fn the_bytes_are_protobufs() {
    let header = RequestHeader { deadline_ms: 300, request_id: "ab".into(), ..Default::default() };
    assert_eq!(header.encode(), [0x08, 0xac, 0x02, 0x12, 2, b'a', b'b']);
    // A field that is set to its default inside of a oneof is written.
    let zero = StartOptions { cancel_grace_us: Some(0), ..Default::default() };
    assert_eq!(zero.encode(), [0x38, 0]);
    assert_eq!(StartOptions::decode(&[0x38, 0]).unwrap(), zero);
    // Lists of numbers are read packed and one by one.
    let both = CompensationSummary::decode(&[0x12, 2, 1, 2, 0x10, 3]).unwrap();
    assert_eq!(both.open_entries, [1, 2, 3]);
    // Lengths of more than a byte stand before what they count.
    let long = WorkflowRef { workflow_id: "x".repeat(200), ..Default::default() };
    assert_eq!(long.encode()[..3], [0x0a, 0xc8, 0x01]);
    let outer = DescribeWorkflowRequest { workflow: Some(long), ..Default::default() }.encode();
    assert_eq!(outer[..6], [0x12, 0xcb, 0x01, 0x0a, 0xc8, 0x01]);
}

#[test]
fn unknown_fields_are_passed_over() {
    let mut to = Writer::default();
    to.uint64(900, 7);
    to.double(901, 1.5);
    to.string(902, "who knows");
    to.string(2, "id");
    let bytes = [&[0xf5, 0x4b, 1, 2, 3, 4], to.finish().as_slice()].concat(); // field 1214, 32 bits
    assert_eq!(RequestHeader::decode(&bytes).unwrap().request_id, "id");
}

#[test]
fn what_is_no_message_is_refused() {
    let wrong: [&[u8]; 9] = [
        &[0x12, 0x7f],                                                             // ends too early
        &[0x08],                                                                   // no value
        &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // a number without end
        &[0x12, 1, 0xff],                                                          // not UTF-8
        &[0x00, 0],                                                                // field 0
        &[0x0a, 0],                                                                // a text where a number should be
        &[0x13],                                                                   // a group
        &[0xf5, 0x4b, 1, 2],                                                       // 32 bits cut off
        &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],       // a length of 2^64 - 1
    ];
    for bytes in wrong {
        assert!(RequestHeader::decode(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn no_bytes_make_the_reader_panic() {
    let whole = sample().encode();
    for end in 0..whole.len() {
        let _ = WorkerItem::decode(&whole[..end]);
    }
    // Each byte changed to each of some others, and much that is random.
    for at in 0..whole.len() {
        for other in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = other;
            let _ = WorkerItem::decode(&bytes);
        }
    }
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for length in 0..2_000 {
        let bytes: Vec<u8> = (0..length % 97)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed as u8
            })
            .collect();
        let _ = HistoryEvent::decode(&bytes);
        let _ = ServerItem::decode(&bytes);
        let _ = Status::decode(&bytes);
    }
}
