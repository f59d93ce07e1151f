//! VERB_BENCH.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVersion};
use saga_engine::{Client, Error, Start, Value};

use crate::messages::{Action, Connect};

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Invalid(error.to_string())
}

/// Round trips over a TLS connection by OpenSSL alone.
struct Raw {
    stream: SslStream<TcpStream>,
    answer: Vec<u8>,
    request: Vec<u8>,
}

impl Raw {
    fn connect(how: &Connect, action: &Action) -> Result<Self, Error> {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(failed)?;
        builder.set_ca_file(&how.ca).map_err(failed)?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_3)).map_err(failed)?;
        builder.set_alpn_protos(b"\x06saga/1").map_err(failed)?;
        let socket = TcpStream::connect((how.host.as_str(), how.port as u16)).map_err(failed)?;
        socket.set_nodelay(true).map_err(failed)?;
        let stream = builder.build().connect(&how.host, socket).map_err(failed)?;
        let mut request = ((8 + action.echo.len()) as u32).to_be_bytes().to_vec();
        request.extend_from_slice(&[3, 0, 7, 0, 0, 0, 0, 0]); // kind 3, method 1792, the stream comes later
        request.extend_from_slice(&action.echo);
        let mut made = Self { stream, answer: vec![0; 65_540], request };
        made.round(action.input.as_ref().map_or(&[], |hello| &hello.data))?;
        Ok(made)
    }

    fn round(&mut self, said: &[u8]) -> Result<(), Error> {
        self.stream.write_all(said).map_err(failed)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).map_err(failed)?;
        let answer = self.answer.get_mut(..u32::from_be_bytes(length) as usize).ok_or_else(|| failed("a long frame"))?;
        self.stream.read_exact(answer).map_err(failed)
    }

    fn call(&mut self, number: u32) -> Result<(), Error> {
        let mut request = std::mem::take(&mut self.request);
        request[8..12].copy_from_slice(&(number + 1).to_be_bytes());
        let result = self.round(&request);
        self.request = request;
        result
    }
}

pub fn measured(client: &Client, how: &Connect, action: &Action, input: &Value) -> Result<Vec<String>, Error> {
    let raw = if action.text == "raw" { Some(Mutex::new(Raw::connect(how, action)?)) } else { None };
    let one = |number: u32| -> Result<(), Error> {
        match (&raw, action.text.as_str()) {
            (Some(raw), _) => raw.lock().map_err(failed)?.call(number),
            (None, "saga") => {
                let start = Start::new(format!("{}-{number}", action.workflow_id)).task_queue(&action.task_queue);
                client.start(&action.workflow_type, input, start)?.result::<Value>().map(drop)
            }
            _ => client.health(&action.echo).map(drop),
        }
    };
    let (next, count) = (AtomicU32::new(0), action.number as u32);
    let began = Instant::now();
    let lane = || {
        let mut times = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(times);
            }
            let began = Instant::now();
            one(number)?;
            times.push(began.elapsed());
        }
    };
    let mut times: Vec<Duration> = if action.concurrency <= 1 {
        lane()?
    } else {
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..action.concurrency).map(|_| scope.spawn(lane)).collect();
            let ended = lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|_| Err(failed("a lane has panicked"))));
            ended.collect::<Result<Vec<_>, Error>>().map(|all| all.concat())
        })?
    };
    let total = began.elapsed();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    Ok([total, at(50), at(99)].iter().map(|time| format!("{:.1}", time.as_secs_f64() * 1e6)).collect())
}
