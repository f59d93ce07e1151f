//! Values and payloads: JSON by default, bytes, protobuf, encodings of your own, and a codec over all of them.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::error::Error;
use crate::protobuf::Message;
use crate::v1::{MetadataEntry, Payload};

/// Changes every payload on its way out and back in, as an encryption does: the server sees only what `encode` made. The
/// encoding may be changed; what else is needed to get back goes into the metadata.
pub trait Codec: Send + Sync {
    /// On its way out.
    ///
    /// # Errors
    /// What kept it from being encoded, for people.
    fn encode(&self, payload: Payload) -> Result<Payload, String>;

    /// On its way in.
    ///
    /// # Errors
    /// What kept it from being decoded, for people.
    fn decode(&self, payload: Payload) -> Result<Payload, String>;
}

/// A payload that is not decoded yet: before or after the codec, as it has been made here or has come from the server. As an
/// argument it is passed on as it is.
#[derive(Clone, Default)]
pub struct Value {
    payload: Payload,
    /// Undoes what was done to it; none if it was made here.
    sealed_by: Option<Arc<dyn Codec>>,
}

impl Value {
    /// A value of an encoding of your own.
    pub fn new(encoding: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Payload { encoding: encoding.into(), data: data.into(), metadata: Vec::new() }.into()
    }

    /// What another type makes of itself.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn of(value: &(impl ToValue + ?Sized)) -> Result<Self, Error> {
        value.to_value()
    }

    /// There is no value.
    pub fn is_empty(&self) -> bool {
        self.payload.encoding.is_empty() && self.payload.data.is_empty()
    }

    /// The payload, after the codec: encoding `json`, `bytes`, `protobuf` or your own; empty for no value.
    ///
    /// # Errors
    /// The codec refuses it.
    pub fn payload(&self) -> Result<Payload, Error> {
        match &self.sealed_by {
            Some(codec) if !self.is_empty() => codec.decode(self.payload.clone()).map_err(Error::Value),
            _ => Ok(self.payload.clone()),
        }
    }

    /// The value as a type: [`Bytes`] takes encoding `bytes`, [`Protobuf`] `protobuf`, a `Value` anything, all else JSON. No value
    /// is JSON's `null`.
    ///
    /// # Errors
    /// It is of another encoding or shape.
    pub fn get<T: FromValue>(&self) -> Result<T, Error> {
        T::from_value(self)
    }

    fn opened(&self, encoding: &str) -> Result<Vec<u8>, Error> {
        let payload = self.payload()?;
        if payload.encoding == encoding {
            return Ok(payload.data);
        }
        Err(Error::Value(format!("a payload of encoding `{}`, not `{encoding}`", payload.encoding)))
    }
}

impl From<Payload> for Value {
    fn from(payload: Payload) -> Self {
        Self { payload, sealed_by: None }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the data: it may be long, or secret.
        write!(f, "Value({}, {} bytes)", self.payload.encoding, self.payload.data.len())
    }
}

/// What can be sent. Every `Serialize` type is one, as JSON.
pub trait ToValue {
    /// The value to send.
    ///
    /// # Errors
    /// It cannot be encoded.
    fn to_value(&self) -> Result<Value, Error>;
}

/// What can be received. Every `Deserialize` type is one, from JSON.
pub trait FromValue: Sized {
    /// The value that came.
    ///
    /// # Errors
    /// It is of another encoding or shape.
    fn from_value(value: &Value) -> Result<Self, Error>;
}

impl<T: Serialize + ?Sized> ToValue for T {
    fn to_value(&self) -> Result<Value, Error> {
        let data = serde_json::to_vec(self).map_err(|error| Error::Value(error.to_string()))?;
        Ok(Value::new("json", data))
    }
}

impl<T: DeserializeOwned> FromValue for T {
    fn from_value(value: &Value) -> Result<Self, Error> {
        let data = if value.is_empty() { b"null".to_vec() } else { value.opened("json")? };
        serde_json::from_slice(&data).map_err(|error| Error::Value(error.to_string()))
    }
}

impl ToValue for Value {
    fn to_value(&self) -> Result<Value, Error> {
        Ok(self.clone())
    }
}

impl FromValue for Value {
    fn from_value(value: &Value) -> Result<Self, Error> {
        Ok(value.clone())
    }
}

/// Bytes as they are, in encoding `bytes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl ToValue for Bytes {
    fn to_value(&self) -> Result<Value, Error> {
        Ok(Value::new("bytes", self.0.clone()))
    }
}

impl FromValue for Bytes {
    fn from_value(value: &Value) -> Result<Self, Error> {
        value.opened("bytes").map(Self)
    }
}

/// A protobuf message, in encoding `protobuf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protobuf<M>(pub M);

impl<M: Message> ToValue for Protobuf<M> {
    fn to_value(&self) -> Result<Value, Error> {
        let metadata = vec![MetadataEntry { key: "type".into(), value: M::NAME.into() }];
        Ok(Payload { encoding: "protobuf".into(), data: self.0.encode(), metadata }.into())
    }
}

impl<M: Message> FromValue for Protobuf<M> {
    fn from_value(value: &Value) -> Result<Self, Error> {
        M::decode(&value.opened("protobuf")?).map(Self).map_err(|error| Error::Value(error.to_string()))
    }
}

/// The codec of a client, if it has one.
#[derive(Clone, Default)]
pub(crate) struct Values(pub(crate) Option<Arc<dyn Codec>>);

impl Values {
    pub(crate) fn encode(&self, value: &(impl ToValue + ?Sized)) -> Result<Option<Payload>, Error> {
        self.seal(value.to_value()?).map(Some)
    }

    /// The payload for the wire.
    pub(crate) fn seal(&self, value: Value) -> Result<Payload, Error> {
        let plain = value.payload()?;
        match &self.0 {
            Some(codec) if !value.is_empty() => codec.encode(plain).map_err(Error::Value),
            _ => Ok(plain),
        }
    }

    /// A payload from the wire.
    pub(crate) fn value(&self, payload: Option<Payload>) -> Value {
        Value { payload: payload.unwrap_or_default(), sealed_by: self.0.clone() }
    }

    pub(crate) fn decode<T: FromValue>(&self, payload: Option<Payload>) -> Result<T, Error> {
        self.value(payload).get()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn round<T: ToValue + FromValue>(value: &T, values: &Values) -> T {
        values.decode(values.encode(value).unwrap()).unwrap()
    }

    #[test]
    fn values_come_back_as_they_were() {
        let none = Values::default();
        let map = BTreeMap::from([("héllo".to_string(), vec![1.5, -2.0])]);
        assert_eq!(round(&map, &none), map);
        assert_eq!(round(&Bytes(vec![0, 255]), &none), Bytes(vec![0, 255]));
        let message = Protobuf(MetadataEntry { key: "k".into(), value: "v".into() });
        assert_eq!(round(&message, &none), message);
        let own = Value::new("mine", [1, 2]);
        assert_eq!(round(&own, &none).payload().unwrap(), own.payload().unwrap());
    }

    #[test]
    fn no_value_is_null() {
        let nothing = Value::default();
        assert_eq!(nothing.get::<Option<u8>>().unwrap(), None);
        nothing.get::<()>().unwrap();
        assert!(matches!(nothing.get::<u8>(), Err(Error::Value(_))));
    }

    #[test]
    fn another_encoding_is_refused() {
        let bytes = Bytes(vec![1]).to_value().unwrap();
        let refused = bytes.get::<u8>().unwrap_err().to_string();
        assert!(refused.contains("`bytes`") && refused.contains("`json`"), "{refused}");
        assert!(7.to_value().unwrap().get::<Bytes>().is_err());
        assert!(Value::new("protobuf", [0x0a, 9]).get::<Protobuf<MetadataEntry>>().is_err());
    }

    struct Reversed;

    impl Codec for Reversed {
        fn encode(&self, mut payload: Payload) -> Result<Payload, String> {
            payload.data.reverse();
            payload.encoding.insert_str(0, "reversed/");
            Ok(payload)
        }

        fn decode(&self, mut payload: Payload) -> Result<Payload, String> {
            payload.data.reverse();
            payload.encoding = payload.encoding.strip_prefix("reversed/").ok_or("not mine")?.to_owned();
            Ok(payload)
        }
    }

    #[test]
    fn a_codec_sees_every_payload_once() {
        let coded = Values(Some(Arc::new(Reversed)));
        let sealed = coded.encode("abc").unwrap().unwrap();
        assert_eq!((sealed.encoding.as_str(), sealed.data.as_slice()), ("reversed/json", b"\"cba\"".as_slice()));
        let value = coded.value(Some(sealed));
        assert_eq!(value.get::<String>().unwrap(), "abc");
        // Passed on, it is opened and sealed again.
        assert_eq!(coded.encode(&value).unwrap().unwrap().encoding, "reversed/json");
        assert!(coded.value(Some(Payload { encoding: "json".into(), ..Default::default() })).get::<u8>().is_err());
        // No value stays none.
        assert_eq!(coded.encode(&Value::default()).unwrap(), Some(Payload::default()));
    }
}
