//! A saga as data and its worker in one program: reserve, then charge; a declined card releases what was reserved.
//!
//!     saga dev &
//!     cargo run --example order

use saga_engine::{ActivityContext, Client, Definition, Error, Failure, Start, Step, Undo, Worker};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    item: String,
    amount: u32,
}

fn reserve(context: &ActivityContext, order: Order) -> Result<String, Failure> {
    println!("reserved {}", order.item);
    Ok(context.idempotency_key().into())
}

fn release(_: &ActivityContext, undo: Undo<Order, String>) -> Result<(), Failure> {
    println!("released {}", undo.input.item);
    Ok(())
}

fn charge(_: &ActivityContext, order: Order) -> Result<u32, Failure> {
    if order.amount > 1_000 {
        return Err(Failure::domain("CardDeclined", "card declined"));
    }
    println!("charged {}", order.amount);
    Ok(order.amount)
}

fn main() -> Result<(), Error> {
    let setting = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.into());
    let address = setting("SAGA_ADDRESS", "localhost:7233");
    let client = Client::builder(address).ca_file(setting("SAGA_CA", ".saga/ca.pem")).connect()?;

    let mut saga = Definition::new("rust-order").task_queue("rust-order");
    let reserved = saga.activity("reserve", "reserve", Step::new().undo("release"));
    let charged = saga.activity("charge", "charge", Step::new());
    saga.returns(json!({"reservation": reserved.output(""), "charged": charged.output("")}));
    client.register_definition(&saga)?;

    let worker = Worker::builder(&client)
        .task_queue("rust-order")
        .activity("reserve", reserve)
        .undo("release", release)
        .activity("charge", charge)
        .build()?;
    std::thread::scope(|scope| {
        let served = scope.spawn(|| worker.run());
        for amount in [30, 5_000] {
            let order = Order { item: "book".into(), amount };
            let id = format!("order-{}-{amount}", std::process::id());
            let result = client.start("rust-order", &order, Start::new(id)).and_then(|order| order.result::<serde_json::Value>());
            match result {
                Ok(receipt) => println!("{receipt}"),
                Err(error) => println!("{error}"),
            }
        }
        worker.stop();
        served.join().expect("the worker has not panicked")
    })
}
