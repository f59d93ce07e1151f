extension Scaffold {
    static let python = [
        File(path: "requirements.txt", text: "saga-engine @ file://{{sdk}}/python\n"),
        File(path: ".gitignore", text: ".venv/\n.saga/\n__pycache__/\n"),
        File(
            path: "worker.py",
            text: #"""
                """Serves the activities of the saga in saga.yaml."""

                import asyncio
                import os
                import signal
                from typing import Any, Dict

                from saga_engine import ActivityContext, Client, DomainError, UndoInput, Worker, activity

                Order = Dict[str, Any]


                @activity("reserve")
                async def reserve(ctx: ActivityContext, order: Order) -> Dict[str, str]:
                    # An activity may run twice: the key is the same over all attempts, so that the shop can tell.
                    print("reserved", order["item"], flush=True)
                    return {"reservation": ctx.idempotency_key}


                @activity("release")
                async def release(ctx: ActivityContext, undo: UndoInput) -> None:
                    # `undo.output` is None if nobody knows whether it was reserved: accept "nothing there".
                    print("released", undo.input["item"], flush=True)


                @activity("charge")
                async def charge(ctx: ActivityContext, order: Order) -> str:
                    if order["amount"] > 1_000:
                        # The business says no: not retried, nothing happened, the saga unwinds.
                        raise DomainError("card declined", code="CardDeclined")
                    print("charged", order["amount"], flush=True)
                    return "paid"


                @activity("refund")
                async def refund(ctx: ActivityContext, undo: UndoInput) -> None:
                    print("refunded", undo.input["amount"], flush=True)


                async def main() -> None:
                    host, _, port = os.environ.get("SAGA_ADDRESS", "localhost:7233").rpartition(":")
                    async with Client.connect(host, int(port), ca=os.environ.get("SAGA_CA", ".saga/ca.pem")) as client:
                        worker = Worker(client, task_queues=["{{name}}"], activities=[reserve, release, charge, refund])
                        for end in (signal.SIGINT, signal.SIGTERM):
                            asyncio.get_running_loop().add_signal_handler(end, worker.stop)
                        await worker.run()  # until it is stopped; what runs then is finished and reported


                asyncio.run(main())

                """#),
    ]

    static let typescript = [
        File(
            path: "package.json",
            text: #"""
                {
                  "name": "{{name}}",
                  "private": true,
                  "type": "module",
                  "scripts": { "build": "tsc -p .", "start": "node dist/worker.js" },
                  "dependencies": { "saga-engine": "file:{{sdk}}/typescript" },
                  "devDependencies": { "@types/node": ">=18", "typescript": ">=4.8" }
                }

                """#),
        File(
            path: "tsconfig.json",
            text: #"""
                {
                  "compilerOptions": {
                    "target": "es2022",
                    "module": "node16",
                    "moduleResolution": "node16",
                    "lib": ["es2022"],
                    "types": ["node"],
                    "strict": true,
                    "skipLibCheck": true,
                    "rootDir": "src",
                    "outDir": "dist"
                  },
                  "include": ["src/**/*.ts"]
                }

                """#),
        File(path: ".gitignore", text: "node_modules/\ndist/\n.saga/\n"),
        File(
            path: "src/worker.ts",
            text: #"""
                // Serves the activities of the saga in saga.yaml.
                import { readFileSync } from "node:fs";
                import { type ActivityContext, Client, DomainError, type UndoInput, Worker } from "saga-engine";

                interface Order {
                  item: string;
                  amount: number;
                }

                async function reserve(context: ActivityContext, order: Order): Promise<{ reservation: string }> {
                  // An activity may run twice: the key is the same over all attempts, so that the shop can tell.
                  console.log(`reserved ${order.item}`);
                  return { reservation: context.idempotencyKey };
                }

                async function release(_: ActivityContext, undo: UndoInput<Order, { reservation: string }>): Promise<void> {
                  // `undo.output` is undefined if nobody knows whether it was reserved: accept "nothing there".
                  console.log(`released ${undo.input.item}`);
                }

                async function charge(_: ActivityContext, order: Order): Promise<string> {
                  // The business says no: not retried, nothing happened, the saga unwinds.
                  if (order.amount > 1_000) throw new DomainError("card declined", { code: "CardDeclined" });
                  console.log(`charged ${order.amount}`);
                  return "paid";
                }

                async function refund(_: ActivityContext, undo: UndoInput<Order, string>): Promise<void> {
                  console.log(`refunded ${undo.input.amount}`);
                }

                const [host, port] = (process.env["SAGA_ADDRESS"] ?? "localhost:7233").split(":");
                const client = await Client.connect({
                  host: host as string,
                  port: Number(port),
                  ca: readFileSync(process.env["SAGA_CA"] ?? ".saga/ca.pem"),
                });
                const worker = new Worker(client, { taskQueues: ["{{name}}"], activities: { reserve, release, charge, refund } });
                for (const end of ["SIGINT", "SIGTERM"]) process.on(end, () => worker.stop());
                await worker.run(); // until it is stopped; what runs then is finished and reported
                client.close();

                """#),
    ]

    static let go = [
        File(
            path: "go.mod",
            text: """
                module {{name}}

                go 1.19

                require saga.engine/sdk v0.1.0

                replace saga.engine/sdk => {{sdk}}/go

                """),
        File(path: ".gitignore", text: "/{{name}}\n.saga/\n"),
        File(
            path: "main.go",
            text: #"""
                // Serves the activities of the saga in saga.yaml.
                package main

                import (
                	"context"
                	"fmt"
                	"log"
                	"os"
                	"os/signal"
                	"syscall"

                	saga "saga.engine/sdk"
                )

                type Order struct {
                	Item   string  `json:"item"`
                	Amount float64 `json:"amount"`
                }

                type Reservation struct {
                	Key string `json:"reservation"`
                }

                func reserve(ctx context.Context, order Order) (Reservation, error) {
                	// An activity may run twice: the key is the same over all attempts, so that the shop can tell.
                	fmt.Println("reserved", order.Item)
                	return Reservation{Key: saga.InfoOf(ctx).IdempotencyKey}, nil
                }

                func release(_ context.Context, undo saga.Undo[Order, Reservation]) error {
                	// undo.Output is nil if nobody knows whether it was reserved: accept "nothing there".
                	fmt.Println("released", undo.Input.Item)
                	return nil
                }

                func charge(_ context.Context, order Order) (string, error) {
                	if order.Amount > 1_000 {
                		// The business says no: not retried, nothing happened, the saga unwinds.
                		return "", saga.DomainError("CardDeclined", "card declined")
                	}
                	fmt.Println("charged", order.Amount)
                	return "paid", nil
                }

                func refund(_ context.Context, undo saga.Undo[Order, string]) error {
                	fmt.Println("refunded", undo.Input.Amount)
                	return nil
                }

                func main() {
                	client, err := saga.Dial(context.Background(), setting("SAGA_ADDRESS", "localhost:7233"),
                		saga.WithCAFile(setting("SAGA_CA", ".saga/ca.pem")))
                	if err != nil {
                		log.Fatal(err)
                	}
                	defer client.Close()
                	worker, err := saga.NewWorker(client, saga.WorkerOptions{TaskQueues: []string{"{{name}}"}})
                	if err != nil {
                		log.Fatal(err)
                	}
                	saga.Register(worker, "reserve", reserve)
                	saga.RegisterUndo(worker, "release", release)
                	saga.Register(worker, "charge", charge)
                	saga.RegisterUndo(worker, "refund", refund)
                	ends := make(chan os.Signal, 1)
                	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
                	go func() {
                		<-ends
                		worker.Stop() // what runs is finished and reported
                	}()
                	if err := worker.Run(context.Background()); err != nil {
                		log.Fatal(err)
                	}
                }

                func setting(name, otherwise string) string {
                	if value := os.Getenv(name); value != "" {
                		return value
                	}
                	return otherwise
                }

                """#),
    ]
}
