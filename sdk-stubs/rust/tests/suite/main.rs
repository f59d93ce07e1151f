//! Tests of the public API that need no server.

mod connection;
mod protobuf;
mod support;
mod tls;
