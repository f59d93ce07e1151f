//! Frames: twelve bytes of header and a body.
//!
//! ```text
//!  0        4      5      6        8            12
//!  | length | kind | flags| method | stream id  | body …            big endian
//! ```

pub(crate) const OVERHEAD: usize = 8; // bytes that the length counts beside the body
pub(crate) const HEADER: usize = 12;
pub(crate) const DEFAULT_MAX_FRAME: u32 = 65_536;
pub(crate) const DEFAULT_MAX_MESSAGE: u32 = 4 << 20;
pub(crate) const WINDOW_ITEMS: u32 = 64;
pub(crate) const WINDOW_BYTES: u32 = 256 << 10;
const MORE: u8 = 2; // the message continues in the next frame of the same stream

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hello = 1,
    Welcome,
    Request,
    Response,
    Error,
    Item,
    End,
    Cancel,
    Credit,
    Ping,
    Pong,
    GoAway,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        use Kind::*;
        let all = [Hello, Welcome, Request, Response, Error, Item, End, Cancel, Credit, Ping, Pong, GoAway];
        all.into_iter().find(|kind| *kind as u8 == code)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) more: bool,
    pub(crate) stream: u32,
    pub(crate) body: Vec<u8>,
}

/// Appends a frame; its body fits into one.
pub(crate) fn put(to: &mut Vec<u8>, kind: Kind, stream: u32, body: &[u8], method: u16, more: bool) {
    to.extend_from_slice(&((body.len() + OVERHEAD) as u32).to_be_bytes());
    to.extend_from_slice(&[kind as u8, if more { MORE } else { 0 }]);
    to.extend_from_slice(&method.to_be_bytes());
    to.extend_from_slice(&stream.to_be_bytes());
    to.extend_from_slice(body);
}

/// Makes frames of bytes as they come.
#[derive(Default)]
pub(crate) struct Splitter {
    bytes: Vec<u8>,
    start: usize,
}

impl Splitter {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.bytes.len()
    }

    /// The next frame if all of it has come. A bad one is refused before anything is allocated for it.
    pub(crate) fn next(&mut self, max_frame: u32) -> Result<Option<Frame>, String> {
        let bytes = self.bytes.get(self.start..).unwrap_or_default();
        let Some(&[l0, l1, l2, l3, kind, flags, _, _, s0, s1, s2, s3]) = bytes.get(..HEADER) else { return Ok(None) };
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        if length < OVERHEAD as u32 || length > max_frame {
            return Err(format!("a frame of length {length} ({OVERHEAD} to {max_frame} are allowed)"));
        }
        if flags & !MORE != 0 {
            return Err(format!("unknown frame flags {flags:#x}"));
        }
        let kind = Kind::of(kind).ok_or_else(|| format!("unknown frame kind {kind}"))?;
        let end = length as usize - OVERHEAD + HEADER;
        let Some(body) = bytes.get(HEADER..end) else { return Ok(None) };
        let body = body.to_vec();
        self.start += end;
        Ok(Some(Frame { kind, more: flags & MORE != 0, stream: u32::from_be_bytes([s0, s1, s2, s3]), body }))
    }
}

/// Joins the frames of the messages of one stream, within a limit.
#[derive(Default)]
pub(crate) struct Assembler {
    under_way: Option<Kind>,
    parts: Vec<u8>,
}

impl Assembler {
    /// The whole message, or none while it is incomplete.
    pub(crate) fn add(&mut self, frame: Frame, max_message: u32) -> Result<Option<Vec<u8>>, String> {
        match self.under_way {
            None if !frame.more => return Ok(Some(frame.body)),
            Some(kind) if kind != frame.kind => {
                // Only an ERROR may cut off a message that was under way.
                if frame.kind != Kind::Error {
                    return Err(format!("frame kind {:?} within another message of the stream", frame.kind));
                }
                self.parts.clear();
            }
            _ => {}
        }
        self.under_way = Some(frame.kind);
        if self.parts.len() + frame.body.len() > max_message as usize {
            return Err(format!("a message of more than {max_message} bytes"));
        }
        self.parts.extend_from_slice(&frame.body);
        if frame.more {
            return Ok(None);
        }
        self.under_way = None;
        Ok(Some(std::mem::take(&mut self.parts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, more: bool, body: &[u8]) -> Frame {
        Frame { kind, more, stream: 3, body: body.to_vec() }
    }

    #[test]
    fn frames_are_found_in_bytes_that_come_one_by_one() {
        let mut bytes = Vec::new();
        put(&mut bytes, Kind::Item, 3, b"hello", 0, true);
        put(&mut bytes, Kind::Item, 3, b"", 7, false);
        let (mut splitter, mut found) = (Splitter::default(), Vec::new());
        for byte in bytes {
            splitter.add(&[byte]);
            found.extend(splitter.next(DEFAULT_MAX_FRAME).unwrap());
        }
        assert_eq!(found, [frame(Kind::Item, true, b"hello"), frame(Kind::Item, false, b"")]);
    }

    #[test]
    fn what_is_no_frame_is_refused_by_its_head() {
        for (head, says) in [
            ([0, 0, 0, 7, 4, 0], "length 7"),
            ([0, 1, 0, 1, 4, 0], "length 65537"),
            ([255, 255, 255, 255, 4, 0], "length 4294967295"),
            ([0, 0, 0, 8, 0, 0], "kind 0"),
            ([0, 0, 0, 8, 13, 0], "kind 13"),
            ([0, 0, 0, 8, 4, 1], "flags 0x1"),
        ] {
            let mut splitter = Splitter::default();
            splitter.add(&head);
            splitter.add(&[0; 6]);
            let refused = splitter.next(DEFAULT_MAX_FRAME).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn messages_are_joined_within_the_limit() {
        let mut joined = Assembler::default();
        assert_eq!(joined.add(frame(Kind::Item, true, b"ab"), 5), Ok(None));
        assert_eq!(joined.add(frame(Kind::Item, false, b"cde"), 5), Ok(Some(b"abcde".to_vec())));
        assert_eq!(joined.add(frame(Kind::Item, true, b"abc"), 5), Ok(None));
        assert!(joined.add(frame(Kind::Item, true, b"def"), 5).unwrap_err().contains("more than 5"));
    }

    #[test]
    fn only_an_error_cuts_a_message_off() {
        let mut joined = Assembler::default();
        assert_eq!(joined.add(frame(Kind::Response, true, b"ab"), 9), Ok(None));
        assert_eq!(joined.add(frame(Kind::Error, false, b"no"), 9), Ok(Some(b"no".to_vec())));
        assert_eq!(joined.add(frame(Kind::Response, true, b"ab"), 9), Ok(None));
        assert!(joined.add(frame(Kind::Item, false, b"c"), 9).unwrap_err().contains("within another"));
    }
}
