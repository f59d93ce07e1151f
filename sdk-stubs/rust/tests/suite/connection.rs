//! The connection, against peers that do what networks and servers do.

use std::time::{Duration, Instant};

use crate::support::{listen, Peer, CANCEL, REQUEST, RESPONSE};
use saga_engine::protobuf::Message;
use saga_engine::v1::*;
use saga_engine::{Call, CancelToken, Client, Error, Start};

fn connect(address: &str) -> Client {
    Client::builder(address).insecure().connect().unwrap()
}

fn echo(body: &[u8]) -> HealthResponse {
    let request = HealthRequest::decode(body).unwrap();
    HealthResponse { echo: request.echo, ..Default::default() }
}

#[test]
fn answers_find_their_calls() {
    let (address, peer) = listen(|accept| {
        let mut peer = accept();
        let calls: Vec<_> = (0..8).map(|_| peer.read().unwrap()).collect();
        assert!(calls.iter().all(|call| call.method == 1_792 && !call.more));
        // Streams begin in order, and are answered in another.
        assert_eq!(calls.iter().map(|call| call.stream).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
        calls.iter().rev().for_each(|call| peer.answer(call.stream, &echo(&call.body)));
        assert!(peer.read().is_none(), "the last clone is dropped, and the connection is open");
    });
    let client = connect(&address);
    assert_eq!(client.server_version(), "scripted");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let client = client.clone();
            scope.spawn(move || assert_eq!(client.health(&[number]).unwrap().echo, [number]));
        }
    });
    drop(client);
    peer.join().unwrap();
}

#[test]
fn a_lost_call_is_repeated_with_its_request_id() {
    let (address, peer) = listen(|accept| {
        let id = |body: &[u8]| StartWorkflowRequest::decode(body).unwrap().header.unwrap().request_id;
        let first = accept().read().unwrap(); // and the connection is cut
        let mut peer = accept();
        let again = peer.read().unwrap();
        assert_eq!(id(&again.body), id(&first.body));
        assert!(!id(&first.body).is_empty());
        peer.answer(again.stream, &StartWorkflowResponse { saga_id: vec![7; 16], already_started: false });
        peer.read();
    });
    let client = connect(&address);
    assert_eq!(client.start("T", &(), Start::new("id")).unwrap().saga_id(), [7; 16]);
    drop(client);
    peer.join().unwrap();
}

/// More than the sockets between hold: the deadline counts all the same. A message that had begun is finished when the peer reads
/// again, and cancelled after its end.
#[test]
fn a_peer_that_does_not_read_costs_the_deadline_only() {
    const CALLS: usize = 5;
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (all, seen) = std::sync::mpsc::channel::<()>();
    let (address, peer) = listen(move |accept| {
        let mut peer = accept();
        gone.recv().unwrap();
        let mut large = std::collections::BTreeMap::new();
        while let Some(frame) = peer.read() {
            let (size, ended, cancelled) = large.entry(frame.stream).or_insert((0, false, false));
            assert!(!*cancelled, "a frame after CANCEL");
            match frame.kind {
                REQUEST => (*size, *ended) = (*size + frame.body.len(), !frame.more),
                CANCEL => {
                    assert!(*ended, "a CANCEL within a message");
                    *cancelled = true;
                }
                other => panic!("kind {other}"),
            }
            if *ended && *size < 1_000 {
                peer.answer(frame.stream, &echo(&frame.body));
            }
            let done = |(size, ended, cancelled): &(usize, bool, bool)| *size > 3_900_000 && *ended && *cancelled;
            if large.values().filter(|one| done(one)).count() == CALLS {
                let _ = all.send(());
            }
        }
    });
    let client = connect(&address);
    let payload = saga_engine::Bytes(vec![1; 3_990_000]);
    let began = Instant::now();
    let limited = client.with(Call::new().timeout(Duration::from_millis(200)));
    for _ in 0..CALLS {
        let over = limited.start("T", &payload, Start::new("id")).unwrap_err();
        assert!(over.is_deadline_exceeded(), "{over}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    go.send(()).unwrap();
    seen.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(client.health(b"again").unwrap().echo, b"again");
    drop((client, limited));
    peer.join().unwrap();
}

#[test]
fn a_cancelled_call_ends_and_is_told() {
    let (address, peer) = listen(|accept| {
        let mut peer = accept();
        assert_eq!(peer.read().unwrap().kind, REQUEST);
        assert_eq!(peer.read().unwrap().kind, CANCEL);
        assert!(peer.read().is_none());
    });
    let client = connect(&address);
    let token = CancelToken::new();
    let other = token.clone();
    let waiting = client.with(Call::new().cancel(&token));
    let call = std::thread::spawn(move || waiting.health(b"x"));
    other.wait(Duration::from_millis(50));
    other.cancel();
    assert!(matches!(call.join().unwrap(), Err(Error::Cancelled { method: "Admin.Health" })));
    drop(client);
    peer.join().unwrap();
}

/// What a peer sends is refused with an error that says what it was, and the next call goes over a new connection.
#[test]
fn a_peer_that_breaks_the_protocol_is_left() {
    type Play = fn(&mut Peer, u32);
    let cases: [(&str, Play); 5] = [
        ("length 7", |peer, _| drop(std::io::Write::write_all(&mut peer.0, &[0, 0, 0, 7, 4, 0, 0, 0, 0, 0, 0, 1]))),
        ("stream 77", |peer, _| peer.write(RESPONSE, 77, b"")),
        ("cannot be read", |peer, stream| peer.write(6, stream, &[0x12, 0x7f])),
        ("CREDIT", |peer, stream| peer.write(9, stream, &[0; 7])),
        ("Hello on a stream", |peer, stream| peer.write(1, stream, b"")),
    ];
    for (says, play) in cases {
        let (address, peer) = listen(move |accept| {
            let mut bad = accept();
            let call = bad.read().unwrap();
            play(&mut bad, call.stream);
            let mut good = accept();
            while let Some(call) = good.read() {
                good.answer(call.stream, &echo(&call.body));
            }
        });
        let client = connect(&address);
        // A stream is not repeated: the error itself is seen.
        let stream = client.workflows().follow_history(FollowHistoryRequest::default()).unwrap();
        let error = stream.receive().unwrap_err();
        assert!(error.is_connection_lost() && error.to_string().contains(says), "{says}: {error}");
        assert_eq!(client.health(b"y").unwrap().echo, b"y");
        drop((client, stream));
        peer.join().unwrap();
    }
}
