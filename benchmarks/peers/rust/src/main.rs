//! The Rust crates over the same corpus, in the report form of `swift run bench --json`.
//!
//! Usage: codec-peers OUT.json [EVENTS]. The corpus is generated here by the same rules; its digest is not checked, the bytes per
//! event are: they must equal ours.
mod corpus;
mod model;

use bincode::Options;
use model::{HistoryEvent, HistoryEventRef};
use serde::Serialize;
use std::hint::black_box;
use std::time::Instant;

#[derive(Serialize)]
struct Case {
    suite: &'static str,
    case: &'static str,
    unit: &'static str,
    value: f64,
    spread: f64,
    bytes_per_op: f64,
    better: &'static str,
    operations_per_second: f64,
    best: f64,
    samples: usize,
}

#[derive(Serialize)]
struct Report {
    host: std::collections::BTreeMap<&'static str, String>,
    cases: Vec<Case>,
}

/// Two warm-ups, fifteen samples of one pass each; median and half of the interquartile range.
fn measure(case: &'static str, events: usize, bytes: usize, mut pass: impl FnMut() -> u64) -> Case {
    let expected = pass();
    assert_eq!(pass(), expected, "{case}: the work differs between passes");
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(black_box(pass()), expected);
            start.elapsed().as_nanos() as f64 / events as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let value = times[times.len() / 2];
    println!("  {case:<44}{value:>10.1} ns/event");
    Case {
        suite: "codec",
        case,
        unit: "ns/event",
        value,
        spread: (times[11] - times[3]) / 2.0 / value,
        bytes_per_op: bytes as f64 / events as f64,
        better: "lower",
        operations_per_second: 1e9 / value,
        best: times[0],
        samples: times.len(),
    }
}

fn decode_all<T>(inputs: &[Vec<u8>], mut decode: impl FnMut(&[u8]) -> T, sum: impl Fn(&T) -> u64) -> u64 {
    inputs.iter().fold(0u64, |total, input| total.wrapping_add(sum(black_box(&decode(input)))))
}

fn main() {
    let out = std::env::args().nth(1).expect("usage: codec-peers OUT.json [EVENTS]");
    let count = std::env::args().nth(2).map_or(100_000, |text| text.parse().expect("a number of events"));
    let events = corpus::corpus(count);
    let size = |inputs: &[Vec<u8>]| inputs.iter().map(Vec::len).sum::<usize>();
    let owned = |event: &HistoryEvent| event.event_id.wrapping_add(event.event_version as u64);
    let mut cases = Vec::new();
    let mut buffer = vec![0u8; 1 << 16];

    let postcard_in: Vec<Vec<u8>> = events.iter().map(|e| postcard::to_allocvec(e).unwrap()).collect();
    cases.push(measure("rust-postcard/encode", count, size(&postcard_in), || {
        events.iter().map(|e| postcard::to_slice(e, &mut buffer).unwrap().len() as u64).sum()
    }));
    cases.push(measure("rust-postcard/decode-owned", count, size(&postcard_in), || {
        decode_all(&postcard_in, |input| postcard::from_bytes::<HistoryEvent>(input).unwrap(), owned)
    }));
    cases.push(measure("rust-postcard/decode-borrowed", count, size(&postcard_in), || {
        postcard_in.iter().fold(0u64, |total, input| {
            let event: HistoryEventRef = postcard::from_bytes(input).unwrap();
            total.wrapping_add(black_box(&event).event_id)
        })
    }));

    let fixed_in: Vec<Vec<u8>> = events.iter().map(|e| bincode::serialize(e).unwrap()).collect();
    cases.push(measure("rust-bincode-fixint/encode", count, size(&fixed_in), || {
        events.iter().map(|e| {
            let mut slot = &mut buffer[..];
            let before = slot.len();
            bincode::serialize_into(&mut slot, e).unwrap();
            (before - slot.len()) as u64
        }).sum()
    }));
    cases.push(measure("rust-bincode-fixint/decode-owned", count, size(&fixed_in), || {
        decode_all(&fixed_in, |input| bincode::deserialize::<HistoryEvent>(input).unwrap(), owned)
    }));

    let varint = bincode::DefaultOptions::new();
    let varint_in: Vec<Vec<u8>> = events.iter().map(|e| varint.serialize(e).unwrap()).collect();
    cases.push(measure("rust-bincode-varint/encode", count, size(&varint_in), || {
        events.iter().map(|e| {
            let mut slot = &mut buffer[..];
            let before = slot.len();
            varint.serialize_into(&mut slot, e).unwrap();
            (before - slot.len()) as u64
        }).sum()
    }));
    cases.push(measure("rust-bincode-varint/decode-owned", count, size(&varint_in), || {
        decode_all(&varint_in, |input| varint.deserialize::<HistoryEvent>(input).unwrap(), owned)
    }));

    let json_in: Vec<Vec<u8>> = events.iter().map(|e| serde_json::to_vec(e).unwrap()).collect();
    let mut text = Vec::with_capacity(1 << 16);
    cases.push(measure("rust-serde-json/encode", count, size(&json_in), || {
        events.iter().map(|e| {
            text.clear();
            serde_json::to_writer(&mut text, e).unwrap();
            text.len() as u64
        }).sum()
    }));
    cases.push(measure("rust-serde-json/decode", count, size(&json_in), || {
        decode_all(&json_in, |input| serde_json::from_slice::<HistoryEvent>(input).unwrap(), owned)
    }));

    let host = [("program", "codec-peers (Rust)".to_string())].into_iter().collect();
    std::fs::write(&out, serde_json::to_vec_pretty(&Report { host, cases }).unwrap()).unwrap();
}
