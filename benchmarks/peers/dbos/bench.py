"""Three-step workflows on DBOS Transact, in a closed loop: a line of JSON with workflows a second and latencies.

usage: bench.py URL PROCESSES THREADS SECONDS
"""
import json
import multiprocessing
import sys
import threading
import time


def child(number, url, threads, seconds, ready, start, results):
    from dbos import DBOS, DBOSConfig

    config: DBOSConfig = {
        "name": "bench", "system_database_url": url, "log_level": "ERROR", "executor_id": f"executor-{number}",
        "sys_db_pool_size": max(20, threads + 4), "application_version": "1",
    }
    DBOS(config=config)
    payload = "x" * 120

    @DBOS.step()
    def step(index: int) -> str:
        return payload

    @DBOS.workflow()
    def workflow(count: int) -> int:
        for index in range(count):
            step(index)
        return count

    DBOS.launch()
    for _ in range(3):
        workflow(1)
    ready.put(number)
    start.wait()
    end = time.time() + seconds
    latencies = []
    lock = threading.Lock()

    def loop():
        mine = []
        while time.time() < end:
            began = time.perf_counter()
            if workflow(3) != 3:
                raise SystemExit("a workflow gave a wrong result")
            mine.append(time.perf_counter() - began)
        with lock:
            latencies.extend(mine)

    running = [threading.Thread(target=loop) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    results.put(latencies)


def main():
    url, processes, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    context = multiprocessing.get_context("spawn")
    ready, start, results = context.Queue(), context.Event(), context.Queue()
    children = [
        context.Process(target=child, args=(number, url, threads, seconds, ready, start, results), daemon=True)
        for number in range(processes)
    ]
    # One after the other: the first makes the tables.
    for process in children:
        process.start()
        ready.get(timeout=120)
    began = time.time()
    start.set()
    latencies = sorted(value for _ in children for value in results.get(timeout=seconds + 120))
    elapsed = time.time() - began
    print(json.dumps({
        "workflows_per_second": len(latencies) / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1e3,
        "count": len(latencies),
    }), flush=True)
    for process in children:
        process.kill()


if __name__ == "__main__":
    main()
