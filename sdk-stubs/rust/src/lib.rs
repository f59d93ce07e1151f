//! Durable sagas from Rust: a client and an activity worker for Saga Engine.
//!
//! A step that was done and has an undo is undone when its saga ends badly, whatever crashes. This crate starts sagas, and serves
//! the activities of sagas whose workflow code is in another language or is data ([`Definition`]). Everything blocks; a
//! [`Client`] is shared by any number of threads.
//!
//! ```no_run
//! use saga_engine::{Client, Start};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), saga_engine::Error> {
//! let client = Client::builder("localhost:7233").ca_file(".saga/ca.pem").connect()?;
//! let trip = client.start("TravelBooking", &json!({"flight": "LH123"}), Start::new("trip-1"))?;
//! let paid: String = trip.result()?;
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]

mod activity;
mod call;
mod client;
mod connection;
mod declarative;
mod error;
mod feed;
mod frames;
pub mod protobuf;
mod rpc;
#[rustfmt::skip]
#[path = "generated/services.rs"]
pub mod services;
mod stream;
mod tls;
#[rustfmt::skip]
#[path = "generated/v1.rs"]
pub mod v1;
mod value;
mod worker;
mod workflows;

pub use activity::{ActivityContext, Cancelled, Failure, Outcome, Undo};
pub use call::{Call, CancelToken};
pub use client::{Client, ClientBuilder};
pub use declarative::{Definition, Step, StepRef, StepUndo};
pub use error::{Compensation, Error, SagaError, Status, WorkflowEnded};
pub use feed::{Subscribe, Subscription};
pub use rpc::Method;
pub use services::METHODS;
pub use stream::{ClientStream, DuplexStream, ServerStream};
pub use value::{Bytes, Codec, FromValue, Protobuf, ToValue, Value};
pub use worker::{Worker, WorkerBuilder};
pub use workflows::{Handle, Start};
