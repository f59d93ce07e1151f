//! Protobuf's wire format, as far as the engine's messages need it. The messages in [`v1`](crate::v1) are generated on it; so
//! can yours be, or write the three functions of [`Message`] over the crate that you use.

use std::fmt;

use crate::v1::RequestHeader;

/// Bytes that are not the message they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(&'static str);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message that cannot be read: {}", self.0)
    }
}

impl std::error::Error for DecodeError {}

/// A protobuf message.
pub trait Message: Default {
    /// Full name, such as `saga.v1.Payload`.
    const NAME: &'static str;

    /// Writes all fields.
    fn write(&self, to: &mut Writer);

    /// Reads the value of one field, or skips it.
    ///
    /// # Errors
    /// The value is cut off, or of another type.
    fn read_field(&mut self, number: u32, from: &mut Reader<'_>) -> Result<(), DecodeError>;

    /// The message as bytes.
    fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        self.write(&mut to);
        to.finish()
    }

    /// The message that bytes hold. Unknown fields are left out.
    ///
    /// # Errors
    /// The bytes are no such message.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut made = Self::default();
        Reader::new(bytes).fields(&mut made)?;
        Ok(made)
    }
}

/// A message that begins a call: its field 1 is the header.
pub trait Request: Message {
    /// The header, made if there is none.
    fn header_mut(&mut self) -> &mut RequestHeader;
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// Writes fields. Those without `_always` leave out the default value.
#[derive(Default)]
pub struct Writer(Vec<u8>);

macro_rules! scalars {
    ($($name:ident $always:ident $raw:ident $type:ty, $wire:ident, |$to:ident, $value:ident| $put:expr;)*) => {$(
        /// Writes a value of this type, unless it is zero.
        pub fn $name(&mut self, number: u32, value: $type) {
            if value != <$type>::default() {
                self.$always(number, value);
            }
        }

        /// Writes a value of this type, also zero.
        pub fn $always(&mut self, number: u32, value: $type) {
            self.tag(number, $wire);
            self.$raw(value);
        }

        /// Writes a value of this type without its field, as in a packed list.
        pub fn $raw(&mut self, $value: $type) {
            let $to = self;
            $put
        }
    )*};
}

impl Writer {
    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn tag(&mut self, number: u32, wire: u64) {
        self.varint(u64::from(number) << 3 | wire);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    scalars! {
        double double_always double_raw f64, FIXED64, |to, value| to.0.extend_from_slice(&value.to_le_bytes());
        int32 int32_always int32_raw i32, VARINT, |to, value| to.varint(i64::from(value) as u64);
        uint32 uint32_always uint32_raw u32, VARINT, |to, value| to.varint(value.into());
        int64 int64_always int64_raw i64, VARINT, |to, value| to.varint(value as u64);
        uint64 uint64_always uint64_raw u64, VARINT, |to, value| to.varint(value);
        bool bool_always bool_raw bool, VARINT, |to, value| to.varint(value.into());
    }

    /// Writes a text, unless it is empty.
    pub fn string(&mut self, number: u32, value: &str) {
        self.bytes(number, value.as_bytes());
    }

    /// Writes a text.
    pub fn string_always(&mut self, number: u32, value: &str) {
        self.bytes_always(number, value.as_bytes());
    }

    /// Writes bytes, unless there are none.
    pub fn bytes(&mut self, number: u32, value: &[u8]) {
        if !value.is_empty() {
            self.bytes_always(number, value);
        }
    }

    /// Writes bytes.
    pub fn bytes_always(&mut self, number: u32, value: &[u8]) {
        self.tag(number, BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Writes a message.
    pub fn message<M: Message>(&mut self, number: u32, value: &M) {
        self.nested(number, |to| value.write(to));
    }

    /// Writes a list of numbers.
    pub fn packed<T>(&mut self, number: u32, values: &[T], mut each: impl FnMut(&mut Self, &T)) {
        if !values.is_empty() {
            self.nested(number, |to| values.iter().for_each(|value| each(to, value)));
        }
    }

    /// The length stands before what is written; one byte is kept free for it, and room is made where that is too little.
    fn nested(&mut self, number: u32, write: impl FnOnce(&mut Self)) {
        self.tag(number, BYTES);
        let at = self.0.len();
        self.0.push(0);
        write(self);
        let size = self.0.len() - at - 1;
        if size < 0x80 {
            self.0[at] = size as u8;
            return;
        }
        let mut length = Writer::default();
        length.varint(size as u64);
        self.0.splice(at..=at, length.0);
    }
}

/// Reads the fields of a message. No input makes it panic, and none makes it nest deeper than the types do.
pub struct Reader<'a> {
    left: &'a [u8],
    wire: u64,
}

impl<'a> Reader<'a> {
    fn new(left: &'a [u8]) -> Self {
        Self { left, wire: BYTES }
    }

    fn fields<M: Message>(mut self, into: &mut M) -> Result<(), DecodeError> {
        while !self.left.is_empty() {
            let tag = self.varint()?;
            let number = u32::try_from(tag >> 3).ok().filter(|number| *number != 0);
            self.wire = tag & 7;
            into.read_field(number.ok_or(DecodeError("a field without a number"))?, &mut self)?;
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        if count > self.left.len() {
            return Err(DecodeError("it ends too early"));
        }
        let (taken, left) = self.left.split_at(count);
        self.left = left;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut made = [0; N];
        made.copy_from_slice(self.take(N)?);
        Ok(made)
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for (at, byte) in self.left.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                self.left = &self.left[at + 1..];
                return Ok(value);
            }
        }
        Err(DecodeError("a number that does not end"))
    }

    fn expect(&self, wire: u64) -> Result<(), DecodeError> {
        if self.wire == wire {
            return Ok(());
        }
        Err(DecodeError("a field of another type"))
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        self.expect(VARINT)?;
        self.varint()
    }

    fn run(&mut self) -> Result<&'a [u8], DecodeError> {
        self.expect(BYTES)?;
        let count = self.varint()?;
        self.take(usize::try_from(count).map_err(|_| DecodeError("it ends too early"))?)
    }

    /// Passes over a value.
    ///
    /// # Errors
    /// The value is cut off.
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        match self.wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.take(8).map(drop),
            BYTES => self.run().map(drop),
            FIXED32 => self.take(4).map(drop),
            _ => Err(DecodeError("an unknown wire type")),
        }
    }

    /// Reads a floating-point number.
    ///
    /// # Errors
    /// The value is cut off, or of another type; so below.
    pub fn double(&mut self) -> Result<f64, DecodeError> {
        self.expect(FIXED64)?;
        Ok(f64::from_le_bytes(self.fixed()?))
    }

    /// Reads a number, cut to its type as protobuf does it.
    #[allow(missing_docs, clippy::missing_errors_doc)]
    pub fn int32(&mut self) -> Result<i32, DecodeError> {
        Ok(self.number()? as i32)
    }

    /// Reads a number.
    #[allow(clippy::missing_errors_doc)]
    pub fn uint32(&mut self) -> Result<u32, DecodeError> {
        Ok(self.number()? as u32)
    }

    /// Reads a number.
    #[allow(clippy::missing_errors_doc)]
    pub fn int64(&mut self) -> Result<i64, DecodeError> {
        Ok(self.number()? as i64)
    }

    /// Reads a number.
    #[allow(clippy::missing_errors_doc)]
    pub fn uint64(&mut self) -> Result<u64, DecodeError> {
        self.number()
    }

    /// Reads true or false.
    #[allow(clippy::missing_errors_doc)]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.number()? != 0)
    }

    /// Reads a text, which must be UTF-8.
    #[allow(clippy::missing_errors_doc)]
    pub fn string(&mut self) -> Result<String, DecodeError> {
        let bytes = self.run()?;
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError("a text that is not UTF-8"))?;
        Ok(text.to_owned())
    }

    /// Reads bytes.
    #[allow(clippy::missing_errors_doc)]
    pub fn bytes(&mut self) -> Result<Vec<u8>, DecodeError> {
        Ok(self.run()?.to_vec())
    }

    /// Reads a message into one that is there.
    #[allow(clippy::missing_errors_doc)]
    pub fn message<M: Message>(&mut self, into: &mut M) -> Result<(), DecodeError> {
        Reader::new(self.run()?).fields(into)
    }

    /// Reads a message of a list.
    #[allow(clippy::missing_errors_doc)]
    pub fn push<M: Message>(&mut self, into: &mut Vec<M>) -> Result<(), DecodeError> {
        let mut made = M::default();
        self.message(&mut made)?;
        into.push(made);
        Ok(())
    }

    /// Reads numbers of a list: packed, or one.
    #[allow(clippy::missing_errors_doc)]
    pub fn packed<T>(
        &mut self,
        into: &mut Vec<T>,
        each: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<(), DecodeError> {
        if self.wire != BYTES {
            into.push(each(self)?);
            return Ok(());
        }
        let mut inner = Reader { left: self.run()?, wire: VARINT };
        while !inner.left.is_empty() {
            into.push(each(&mut inner)?);
        }
        Ok(())
    }
}
