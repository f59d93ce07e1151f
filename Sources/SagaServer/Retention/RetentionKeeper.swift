internal import Logging
internal import SagaCore
internal import SagaEngine
internal import Synchronization

/// Removes closed sagas when their time has come, namespace by namespace (semantics, section 4: no child before its parent).
final class RetentionKeeper: Sendable {
    /// How long what schedules leave behind is kept.
    private static let scheduleAge = Duration.seconds(86_400)

    private let driver: ShardDriver
    private let periods: [(namespace: String, period: Duration)]
    private let interval: Duration
    private let logger: Logger
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - periods: How long closed sagas are kept, by namespace; others are kept for ever.
    ///   - interval: How often it looks; nil is a tenth of the shortest period, from a second to an hour.
    init(_ driver: ShardDriver, periods: [String: Duration], interval: Duration?, logger: Logger) {
        self.driver = driver
        self.periods = periods.sorted { $0.key < $1.key }.map { (namespace: $0.key, period: $0.value) }
        let shortest = min(self.periods.map(\.period).min() ?? Self.scheduleAge, Self.scheduleAge)
        self.interval = interval ?? max(.seconds(1), min(.seconds(3_600), shortest / 10))
        self.logger = logger
    }

    func start() {
        task.withLock { task in
            task = Task { [weak self] in
                while !Task.isCancelled, let interval = await self?.look() { try? await Task.sleep(for: interval) }
            }
        }
    }

    func stop() {
        task.withLock { task in
            task?.cancel()
            task = nil
        }
    }

    private func look() async -> Duration {
        for (namespace, period) in periods where !Task.isCancelled {
            let limit = driver.time(of: namespace).adding(microseconds: -max(0, period.wholeMicroseconds))
            do throws(StoreError) {
                let removed = try await driver.removeRuns(closedBefore: limit, namespace: namespace)
                if removed > 0 {
                    logger.info(
                        "closed sagas were removed", metadata: ["namespace": "\(namespace)", "count": "\(removed)"])
                }
            } catch {
                logger.warning(
                    "closed sagas could not be removed; trying again later",
                    metadata: ["namespace": "\(namespace)", "error": "\(error.message)"])
            }
        }
        do throws(StoreError) {
            let removed = try await driver.removeClosedSchedules(after: Self.scheduleAge)
            if removed > 0 { logger.info("runs of schedules were removed", metadata: ["count": "\(removed)"]) }
        } catch {
            logger.warning(
                "runs of schedules could not be removed; trying again later", metadata: ["error": "\(error.message)"])
        }
        do throws(StoreError) {
            let removed = try await driver.removeClosedClocks()
            if removed > 0 { logger.info("runs of clocks were removed", metadata: ["count": "\(removed)"]) }
        } catch {
            logger.warning(
                "runs of clocks could not be removed; trying again later", metadata: ["error": "\(error.message)"])
        }
        return interval
    }
}
