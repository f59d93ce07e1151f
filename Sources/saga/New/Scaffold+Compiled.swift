extension Scaffold {
    static let java = [
        File(
            path: "pom.xml",
            text: #"""
                <?xml version="1.0" encoding="UTF-8"?>
                <!-- The SDK comes from the local repository: mvn -f {{sdk}}/java install -->
                <project xmlns="http://maven.apache.org/POM/4.0.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
                         xsi:schemaLocation="http://maven.apache.org/POM/4.0.0 http://maven.apache.org/xsd/maven-4.0.0.xsd">
                  <modelVersion>4.0.0</modelVersion>
                  <groupId>example</groupId>
                  <artifactId>{{name}}</artifactId>
                  <version>0.1.0</version>
                  <properties>
                    <maven.compiler.release>17</maven.compiler.release>
                    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
                    <exec.mainClass>OrderWorker</exec.mainClass>
                  </properties>
                  <dependencies>
                    <dependency>
                      <groupId>engine.saga</groupId>
                      <artifactId>saga-engine</artifactId>
                      <version>0.1.0</version>
                    </dependency>
                  </dependencies>
                </project>

                """#),
        File(path: ".gitignore", text: "target/\n.saga/\n"),
        File(
            path: "src/main/java/OrderWorker.java",
            text: #"""
                import engine.saga.ActivityFailure;
                import engine.saga.ConnectOptions;
                import engine.saga.SagaClient;
                import engine.saga.Worker;
                import java.nio.file.Path;

                /** Serves the activities of the saga in saga.yaml. */
                public final class OrderWorker {
                    record Order(String item, double amount) {}

                    record Reservation(String key) {}

                    public static void main(String[] arguments) throws Exception {
                        var address = System.getenv().getOrDefault("SAGA_ADDRESS", "localhost:7233").split(":");
                        var ca = Path.of(System.getenv().getOrDefault("SAGA_CA", ".saga/ca.pem"));
                        var options = ConnectOptions.to(address[0], Integer.parseInt(address[1])).withCa(ca);
                        try (var client = SagaClient.connect(options)) {
                            var worker = new Worker(client, "{{name}}")
                                    .activity("reserve", Order.class, (context, order) -> {
                                        // May run twice: the key is the same over all attempts, so that the shop can tell.
                                        System.out.println("reserved " + order.item());
                                        return new Reservation(context.idempotencyKey());
                                    })
                                    .undo("release", Order.class, Reservation.class, (context, undo) -> {
                                        // undo.output() is null if nobody knows whether it was reserved.
                                        System.out.println("released " + undo.input().item());
                                        return null;
                                    })
                                    .activity("charge", Order.class, (context, order) -> {
                                        // The business says no: not retried, nothing happened, the saga unwinds.
                                        if (order.amount() > 1_000) throw ActivityFailure.domain("CardDeclined", "card declined");
                                        System.out.println("charged " + Math.round(order.amount()));
                                        return "paid";
                                    })
                                    .undo("refund", Order.class, String.class, (context, undo) -> {
                                        System.out.println("refunded " + Math.round(undo.input().amount()));
                                        return null;
                                    });
                            var serving = Thread.currentThread();
                            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                                worker.stop(); // what runs is finished and reported
                                try {
                                    serving.join(30_000);
                                } catch (InterruptedException ignored) {
                                    Thread.currentThread().interrupt();
                                }
                            }));
                            worker.run();
                        }
                    }
                }

                """#),
    ]

    static let c = [
        File(
            path: "CMakeLists.txt",
            text: """
                cmake_minimum_required(VERSION 3.18)
                project({{name}} LANGUAGES C)

                set(SAGA_SDK "{{sdk}}/c" CACHE PATH "Folder of the C SDK")
                add_subdirectory("${SAGA_SDK}" saga)
                find_package(Threads REQUIRED)

                add_executable(worker worker.c)
                target_compile_options(worker PRIVATE -Wall -Wextra)
                target_link_libraries(worker PRIVATE saga Threads::Threads)

                """),
        File(path: ".gitignore", text: "build/\n.saga/\n"),
        File(
            path: "worker.c",
            text: #"""
                /* Serves the activities of the saga in saga.yaml. Payloads are JSON; use the JSON library that you like. */
                #define _POSIX_C_SOURCE 200809L
                #include <pthread.h>
                #include <signal.h>
                #include <stdint.h>
                #include <stdio.h>
                #include <stdlib.h>
                #include <string.h>
                #include <unistd.h>

                #include <saga/saga.h>

                /* The item and the amount of an order. */
                struct order {
                    char item[64];
                    double amount;
                };

                static struct order order_of(saga_activity *activity)
                {
                    struct order order = {{0}, 0};
                    const saga_payload *input = saga_activity_input(activity);
                    char text[1024];
                    snprintf(text, sizeof text, "%.*s", (int)input->size, (const char *)input->data);
                    const char *found = strstr(text, "\"item\"");
                    if (found) sscanf(found, "\"item\" : \"%63[^\"]\"", order.item);
                    found = strstr(text, "\"amount\"");
                    if (found) sscanf(found, "\"amount\" : %lf", &order.amount);
                    return order;
                }

                static void reserve(saga_activity *activity, void *context)
                {
                    (void)context;
                    /* An activity may run twice: the key is the same over all attempts, so that the shop can tell. */
                    const char *key = saga_activity_task(activity)->idempotency_key;
                    char reservation[320];
                    printf("reserved %s\n", order_of(activity).item);
                    snprintf(reservation, sizeof reservation, "{\"reservation\":\"%s\"}", key);
                    saga_payload output = saga_json(reservation);
                    saga_activity_return(activity, &output);
                }

                static void release(saga_activity *activity, void *context)
                {
                    (void)context;
                    /* Nobody may know whether it was reserved (saga_activity_undo): accept "nothing there". */
                    printf("released %s\n", order_of(activity).item);
                }

                static void charge(saga_activity *activity, void *context)
                {
                    (void)context;
                    struct order order = order_of(activity);
                    if (order.amount > 1000) {
                        /* The business says no: not retried, nothing happened, the saga unwinds. */
                        saga_failure declined = {
                            .kind = SAGA__V1__ERROR_KIND__ERROR_KIND_DOMAIN, .code = "CardDeclined", .message = "card declined",
                        };
                        saga_activity_fail(activity, &declined);
                        return;
                    }
                    printf("charged %g\n", order.amount);
                    saga_payload paid = saga_json("\"paid\"");
                    saga_activity_return(activity, &paid);
                }

                static void refund(saga_activity *activity, void *context)
                {
                    (void)context;
                    printf("refunded %g\n", order_of(activity).amount);
                }

                static void *serve(void *worker)
                {
                    saga_worker_run(worker, NULL);
                    /* The server does not want it, or it was stopped. */
                    kill(getpid(), SIGTERM);
                    return NULL;
                }

                static void fail(const char *what, const saga_error *error)
                {
                    fprintf(stderr, "%s: %s: %s\n", what, saga_result_name(error->result), error->message);
                    exit(1);
                }

                int main(void)
                {
                    /* Signals are waited for below; threads that are started later leave them alone, too. */
                    sigset_t ends;
                    sigemptyset(&ends);
                    sigaddset(&ends, SIGINT);
                    sigaddset(&ends, SIGTERM);
                    pthread_sigmask(SIG_BLOCK, &ends, NULL);
                    setvbuf(stdout, NULL, _IOLBF, 0);

                    saga_error error = SAGA_ERROR_INIT;
                    saga_client *client = NULL;
                    const char *address = getenv("SAGA_ADDRESS"), *ca = getenv("SAGA_CA");
                    const char *colon = address ? strrchr(address, ':') : NULL;
                    saga_connect_options connect = {
                        .port = colon ? (uint16_t)atoi(colon + 1) : 7233, .ca_file = ca ? ca : ".saga/ca.pem",
                    };
                    if (saga_connect(&connect, &client, &error) != SAGA_OK) fail("connect", &error);

                    const char *queues[] = {"{{name}}", NULL};
                    saga_worker_options serves = {.task_queues = queues};
                    saga_worker *worker = NULL;
                    if (saga_worker_new(client, &serves, &worker, &error) != SAGA_OK) fail("worker", &error);
                    saga_worker_register(worker, "reserve", reserve, NULL);
                    saga_worker_register(worker, "release", release, NULL);
                    saga_worker_register(worker, "charge", charge, NULL);
                    saga_worker_register(worker, "refund", refund, NULL);
                    pthread_t serving;
                    pthread_create(&serving, NULL, serve, worker);

                    int ended;
                    sigwait(&ends, &ended);
                    saga_worker_stop(worker); /* What runs is finished and reported. */
                    pthread_join(serving, NULL);
                    saga_worker_free(worker);
                    saga_error_clear(&error);
                    saga_client_free(client);
                    return 0;
                }

                """#),
    ]

    static let swift = [
        File(
            path: "Package.swift",
            text: """
                // swift-tools-version: 6.2
                import PackageDescription

                let package = Package(
                    name: "{{name}}",
                    platforms: [.macOS(.v15)],
                    dependencies: [.package(name: "saga-engine", path: "{{sdk}}/..")],
                    targets: [
                        .executableTarget(
                            name: "worker", dependencies: [.product(name: "SagaWorker", package: "saga-engine")])
                    ]
                )

                """),
        File(path: ".gitignore", text: ".build/\n.saga/\n"),
        File(
            path: "Sources/worker/main.swift",
            text: #"""
                // Serves the saga and its activities.
                import Foundation
                import SagaClient
                import SagaCore
                import SagaWorker

                struct Order: Codable, Sendable {
                    var item: String
                    var amount: Double
                }

                func say(_ line: String) {
                    print(line)
                    fflush(nil)
                }

                /// The steps, in their order. Stopped at any `await`, it goes on later, on another machine.
                struct OrderSaga: DurableWorkflow {
                    static let typeID = "{{name}}"

                    func run(_ context: WorkflowContext, _ order: Order) async throws -> String {
                        _ = try await context.executeActivity(Reserve.self, order)
                        return try await context.executeActivity(Charge.self, order)
                    }
                }

                struct Reserve: CompensatableActivity {
                    typealias Compensation = Release
                    static let typeID = "reserve"

                    func execute(_ order: Order, _ context: ActivityContext) async throws -> String {
                        // An activity may run twice: the key is the same over all attempts, so that the shop can tell.
                        say("reserved \(order.item)")
                        return context.idempotencyKey
                    }
                }

                struct Release: Activity {
                    static let typeID = "release"

                    func execute(_ undo: UndoInput<Order, String>, _ context: ActivityContext) async throws -> Bool {
                        // `undo.output` is nil if nobody knows whether it was reserved: accept "nothing there".
                        say("released \(undo.input.item)")
                        return true
                    }
                }

                /// The business says no: not retried, nothing happened, the saga unwinds.
                struct CardDeclined: ClassifiedError, CustomStringConvertible {
                    var sagaErrorKind: ErrorKind { .domain }
                    var description: String { "card declined" }
                }

                struct Charge: CompensatableActivity {
                    typealias Compensation = Refund
                    static let typeID = "charge"

                    func execute(_ order: Order, _ context: ActivityContext) async throws -> String {
                        if order.amount > 1_000 { throw CardDeclined() }
                        say("charged \(Int(order.amount))")
                        return "paid"
                    }
                }

                struct Refund: Activity {
                    static let typeID = "refund"

                    func execute(_ undo: UndoInput<Order, String>, _ context: ActivityContext) async throws -> Bool {
                        say("refunded \(Int(undo.input.amount))")
                        return true
                    }
                }

                var workflows = WorkflowRegistry()
                workflows.register(OrderSaga.self)
                var activities = ActivityRegistry()
                activities.register(Reserve())
                activities.register(Release())
                activities.register(Charge())
                activities.register(Refund())
                var options = WorkerOptions()
                options.taskQueues = ["{{name}}"]

                let environment = ProcessInfo.processInfo.environment
                let address = (environment["SAGA_ADDRESS"] ?? "localhost:7233").split(separator: ":")
                let connection = ConnectionOptions(
                    host: String(address[0]), port: address.count > 1 ? Int(address[1]) ?? 7233 : 7233,
                    security: .tls(ca: environment["SAGA_CA"] ?? ".saga/ca.pem"))
                let worker = try SagaWorker(
                    connection: connection, workflows: workflows, activities: activities, options: options)
                let serving = Task { try await worker.run() }
                let ends = [SIGINT, SIGTERM].map { number in
                    signal(number, SIG_IGN)
                    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                    source.setEventHandler { serving.cancel() }  // what runs is finished and reported
                    source.resume()
                    return source
                }
                try await serving.value
                _ = ends

                """#),
    ]
}
