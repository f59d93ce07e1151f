//! The Rust crates over the same corpus, in the report form of `swift run bench --json`.
//!
//! Usage: codec-peers OUT.json [EVENTS]. The corpus is generated here by the same rules; its digest is not checked, the bytes per
//! event are: they must equal ours.
mod corpus;
mod model;

use bincode::Options;
use model::HistoryEvent;
use serde::Serialize;
use std::hint::black_box;

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

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

/// Nanoseconds of CPU time of this thread, as in our own suites: steadier than wall time on a busy machine.
fn now() -> f64 {
    const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.seconds as f64 * 1e9 + time.nanoseconds as f64
}

/// Two warm-ups, fifteen samples of one pass each; median and half of the interquartile range.
fn measure(case: &'static str, events: usize, bytes: usize, mut pass: impl FnMut() -> u64) -> Case {
    let expected = pass();
    assert_eq!(pass(), expected, "{case}: the work differs between passes");
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let start = now();
            assert_eq!(black_box(pass()), expected);
            (now() - start) / events as f64
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

#[cfg(feature = "postcard")]
fn measure_postcard(events: &[HistoryEvent], buffer: &mut [u8], cases: &mut Vec<Case>) {
    let postcard_in: Vec<Vec<u8>> = events.iter().map(|e| postcard::to_allocvec(e).unwrap()).collect();
    let bytes = postcard_in.iter().map(Vec::len).sum();
    cases.push(measure("rust-postcard/encode", events.len(), bytes, || {
        events.iter().map(|e| postcard::to_slice(e, buffer).unwrap().len() as u64).sum()
    }));
    cases.push(measure("rust-postcard/decode-owned", events.len(), bytes, || {
        decode_all(&postcard_in, |input| postcard::from_bytes::<HistoryEvent>(input).unwrap(), |event| event.event_id.wrapping_add(event.event_version as u64))
    }));
    cases.push(measure("rust-postcard/decode-borrowed", events.len(), bytes, || {
        postcard_in.iter().fold(0u64, |total, input| {
            let event: model::HistoryEventRef = postcard::from_bytes(input).unwrap();
            total.wrapping_add(black_box(&event).event_id)
        })
    }));
}

fn main() {
    let out = std::env::args().nth(1).expect("usage: codec-peers OUT.json [EVENTS]");
    let count = std::env::args().nth(2).map_or(100_000, |text| text.parse().expect("a number of events"));
    let events = corpus::corpus(count);
    let size = |inputs: &[Vec<u8>]| inputs.iter().map(Vec::len).sum::<usize>();
    let owned = |event: &HistoryEvent| event.event_id.wrapping_add(event.event_version as u64);
    let mut cases = Vec::new();
    // Each in the form that is its fastest: postcard into a slice, bincode into a vector (a slice as a writer is 3 × as slow).
    #[cfg(feature = "postcard")]
    let mut buffer = vec![0u8; 1 << 16];
    let mut written: Vec<u8> = Vec::with_capacity(1 << 16);

    #[cfg(feature = "postcard")]
    measure_postcard(&events, &mut buffer, &mut cases);

    let fixed_in: Vec<Vec<u8>> = events.iter().map(|e| bincode::serialize(e).unwrap()).collect();
    cases.push(measure("rust-bincode-fixint/encode", count, size(&fixed_in), || {
        events.iter().map(|e| {
            written.clear();
            bincode::serialize_into(&mut written, e).unwrap();
            black_box(&written).len() as u64
        }).sum()
    }));
    cases.push(measure("rust-bincode-fixint/decode-owned", count, size(&fixed_in), || {
        decode_all(&fixed_in, |input| bincode::deserialize::<HistoryEvent>(input).unwrap(), owned)
    }));

    let varint = bincode::DefaultOptions::new();
    let varint_in: Vec<Vec<u8>> = events.iter().map(|e| varint.serialize(e).unwrap()).collect();
    cases.push(measure("rust-bincode-varint/encode", count, size(&varint_in), || {
        events.iter().map(|e| {
            written.clear();
            varint.serialize_into(&mut written, e).unwrap();
            black_box(&written).len() as u64
        }).sum()
    }));
    cases.push(measure("rust-bincode-varint/decode-owned", count, size(&varint_in), || {
        decode_all(&varint_in, |input| varint.deserialize::<HistoryEvent>(input).unwrap(), owned)
    }));

    // rkyv, the other way to read without copying: its access is checked (`check_archived_root`), as ours is.
    let rkyv_in: Vec<rkyv::AlignedVec> = events.iter().map(|e| rkyv::to_bytes::<_, 4096>(e).unwrap()).collect();
    let rkyv_size = rkyv_in.iter().map(|input| input.len()).sum();
    cases.push(measure("rust-rkyv/access-checked", count, rkyv_size, || {
        rkyv_in.iter().fold(0u64, |total, input| {
            let event = rkyv::check_archived_root::<HistoryEvent>(black_box(&input[..])).unwrap();
            total.wrapping_add(black_box(event).event_id)
        })
    }));

    let json_in: Vec<Vec<u8>> = events.iter().map(|e| serde_json::to_vec(e).unwrap()).collect();
    cases.push(measure("rust-serde-json/encode", count, size(&json_in), || {
        events.iter().map(|e| {
            written.clear();
            serde_json::to_writer(&mut written, e).unwrap();
            written.len() as u64
        }).sum()
    }));
    cases.push(measure("rust-serde-json/decode", count, size(&json_in), || {
        decode_all(&json_in, |input| serde_json::from_slice::<HistoryEvent>(input).unwrap(), owned)
    }));

    let host = [("program", "codec-peers (Rust)".to_string())].into_iter().collect();
    std::fs::write(&out, serde_json::to_vec_pretty(&Report { host, cases }).unwrap()).unwrap();
}
