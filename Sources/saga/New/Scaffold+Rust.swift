extension Scaffold {
    static let rust = [
        File(
            path: "Cargo.toml",
            text: """
                [package]
                name = "{{name}}"
                version = "0.1.0"
                edition = "2021"

                [dependencies]
                saga-engine = { path = "{{sdk}}/rust" }
                serde = { version = "1", features = ["derive"] }
                signal-hook = "0.3"

                """),
        File(path: ".gitignore", text: "target/\n.saga/\n"),
        File(
            path: "src/main.rs",
            text: #"""
                //! Serves the activities of the saga in saga.yaml.

                use saga_engine::{ActivityContext, Client, Failure, Undo, Worker};
                use serde::{Deserialize, Serialize};
                use signal_hook::consts::{SIGINT, SIGTERM};
                use signal_hook::iterator::Signals;

                #[derive(Serialize, Deserialize)]
                struct Order {
                    item: String,
                    amount: f64,
                }

                #[derive(Serialize, Deserialize)]
                struct Reserved {
                    reservation: String,
                }

                fn reserve(context: &ActivityContext, order: Order) -> Result<Reserved, Failure> {
                    // An activity may run twice: the key is the same over all attempts, so that the shop can tell.
                    println!("reserved {}", order.item);
                    let reservation = context.idempotency_key().to_string();
                    Ok(Reserved { reservation })
                }

                fn release(_: &ActivityContext, undo: Undo<Order, Reserved>) -> Result<(), Failure> {
                    // `undo.output` is None if nobody knows whether it was reserved: accept "nothing there".
                    println!("released {}", undo.input.item);
                    Ok(())
                }

                fn charge(_: &ActivityContext, order: Order) -> Result<String, Failure> {
                    if order.amount > 1_000.0 {
                        // The business says no: not retried, nothing happened, the saga unwinds.
                        return Err(Failure::domain("CardDeclined", "card declined"));
                    }
                    println!("charged {}", order.amount);
                    Ok("paid".into())
                }

                fn refund(_: &ActivityContext, undo: Undo<Order, String>) -> Result<(), Failure> {
                    println!("refunded {}", undo.input.amount);
                    Ok(())
                }

                fn setting(name: &str, otherwise: &str) -> String {
                    std::env::var(name).unwrap_or_else(|_| otherwise.into())
                }

                fn main() -> Result<(), Box<dyn std::error::Error>> {
                    let client = Client::builder(setting("SAGA_ADDRESS", "localhost:7233"))
                        .ca_file(setting("SAGA_CA", ".saga/ca.pem"))
                        .connect()?;
                    let worker = Worker::builder(&client)
                        .task_queue("{{name}}")
                        .activity("reserve", reserve)
                        .undo("release", release)
                        .activity("charge", charge)
                        .undo("refund", refund)
                        .build()?;
                    let mut ends = Signals::new([SIGINT, SIGTERM])?;
                    let stopping = worker.clone();
                    std::thread::spawn(move || {
                        if ends.forever().next().is_some() {
                            stopping.stop();
                        }
                    });
                    worker.run()?; // until it is stopped; what runs then is finished and reported
                    Ok(())
                }

                """#),
    ]
}
