//! A peer whose side of the protocol is played by a test, with framing of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use saga_engine::protobuf::Message;
use saga_engine::v1::{Hello, Welcome};

pub const REQUEST: u8 = 3;
pub const RESPONSE: u8 = 4;
pub const CANCEL: u8 = 8;

/// A frame: kind, MORE, method, stream, body.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub more: bool,
    pub method: u16,
    pub stream: u32,
    pub body: Vec<u8>,
}

pub struct Peer<S = TcpStream>(pub S);

impl<S: Read + Write> Peer<S> {
    /// The next frame, none at the end of the connection.
    pub fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 12];
        self.0.read_exact(&mut head).ok()?;
        let mut body = vec![0; u32::from_be_bytes(head[..4].try_into().unwrap()) as usize - 8];
        self.0.read_exact(&mut body).ok()?;
        let (method, stream) = (u16::from_be_bytes([head[6], head[7]]), u32::from_be_bytes(head[8..].try_into().unwrap()));
        Some(Frame { kind: head[4], more: head[5] == 2, method, stream, body })
    }

    pub fn write(&mut self, kind: u8, stream: u32, body: &[u8]) {
        let length = (body.len() as u32 + 8).to_be_bytes();
        let head = [&length[..], &[kind, 0, 0, 0], &stream.to_be_bytes()].concat();
        let _ = self.0.write_all(&[&head, body].concat());
    }

    pub fn answer(&mut self, stream: u32, message: &impl Message) {
        self.write(RESPONSE, stream, &message.encode());
    }

    /// Reads HELLO, and says WELCOME.
    pub fn welcome(mut self) -> Self {
        let hello = self.read().expect("a HELLO");
        assert_eq!((hello.kind, hello.stream), (1, 0));
        assert_eq!(Hello::decode(&hello.body).unwrap().sdk_name, "rust");
        self.write(2, 0, &Welcome { max_frame: 65_536, server_version: "scripted".into(), ..Default::default() }.encode());
        self
    }
}

/// Plays the connections that come, one after the other; the address.
pub fn listen(play: impl FnOnce(&mut dyn FnMut() -> Peer) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (address, std::thread::spawn(move || play(&mut || Peer(listener.accept().unwrap().0).welcome())))
}
