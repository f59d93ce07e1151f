"""What `bench` promises beside its figures: its report, comparison, merging, thresholds, and that a debug build runs the release
build instead.

    python ci/support/bench.py --bin .build/release [--debug .build/debug]   prints `N passed, N failed` as its last line
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, List, Optional

SUITE = ["codec", "--quick", "--filter"]
# Two cases that take a moment: one without allocations, one with one.
SMALL, LARGE = "codec/small-struct/encode", "codec/large-payload/decode"


class Bench:
    def __init__(self, bin_path: str, folder: str) -> None:
        self.program = os.path.join(os.path.abspath(bin_path), "bench")
        self.folder = folder

    def run(
        self, *arguments: str, expect: int = 0, case: str = SMALL, env: Optional[Dict[str, str]] = None
    ) -> "subprocess.CompletedProcess[str]":
        result = subprocess.run(
            [self.program, *SUITE, case, *arguments], cwd=self.folder, env={**os.environ, **(env or {})},
            capture_output=True, text=True, timeout=900,
        )  # fmt: skip
        assert result.returncode == expect, (
            f"bench {' '.join(arguments)}: exit {result.returncode}, expected {expect}\n{result.stdout}{result.stderr}"
        )
        return result

    def report(self, case: str, *arguments: str) -> Dict[str, Any]:
        self.run("--json", "out.json", *arguments, case=case)
        with open(os.path.join(self.folder, "out.json"), encoding="utf-8") as file:
            report: Dict[str, Any] = json.load(file)
        return report

    def write(self, name: str, value: Any) -> str:
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            json.dump(value, file)
        return name


def only(report: Dict[str, Any]) -> Dict[str, Any]:
    assert len(report["cases"]) == 1, report
    found: Dict[str, Any] = report["cases"][0]
    return found


def report_has_every_field(bench: Bench) -> None:
    report = bench.report(LARGE)
    case = only(report)
    assert (case["suite"], case["case"], case["better"]) == ("codec", "large-payload/decode", "lower"), case
    assert case["unit"] == "ns/value" and case["value"] > 0 and case["spread"] >= 0, case
    assert case["samples"] >= 10 and case["clock"] == "cpu" and case["checksum"], case
    assert case["bytes_per_op"] > 65_536 and round(case["allocations_per_op"]) == 1, case
    for field in ["os", "cores", "cpu", "command", "date"]:
        assert report["host"][field], report["host"]
    assert report["host"]["build"] == "release"


def a_claim_gives_a_ratio(bench: Bench) -> None:
    case = only(bench.report("codec/codable-bridge/decode"))
    assert (case["reference"], case["reference_kind"]) == ("naive-bridge", "claim"), case
    assert abs(case["ratio"] - case["value"] / 1550) < 1e-6, case


def compare_accepts_what_is_no_worse(bench: Bench) -> None:
    slow = bench.report(SMALL)
    only(slow)["value"] *= 100
    output = bench.run("--compare", bench.write("before.json", slow)).stdout
    assert "no regression" in output, output


def compare_refuses_what_is_slower(bench: Bench) -> None:
    fast = bench.report(SMALL)
    only(fast)["value"] /= 100
    output = bench.run("--compare", bench.write("before.json", fast), expect=1).stdout
    assert "FAILED" in output and f"{SMALL}: " in output and "worse" in output, output
    # The other way round: more is better.
    less = copy.deepcopy(fast)
    only(less)["better"] = "higher"
    bench.run("--compare", bench.write("before.json", less), expect=1)


def noise_is_no_regression(bench: Bench) -> None:
    noisy = bench.report(SMALL)
    only(noisy)["value"] /= 100
    only(noisy)["spread"] = 1_000
    bench.run("--compare", bench.write("before.json", noisy))


def compare_refuses_more_allocations_and_bytes(bench: Bench) -> None:
    before = bench.report(LARGE)
    only(before)["value"] *= 100
    bench.run("--compare", bench.write("before.json", before), case=LARGE)
    only(before)["allocations_per_op"] = 0
    output = bench.run("--compare", bench.write("before.json", before), case=LARGE, expect=1).stdout
    assert "allocations per operation, before 0.000" in output, output
    only(before)["allocations_per_op"] = 9
    only(before)["bytes_per_op"] = 60_000
    output = bench.run("--compare", bench.write("before.json", before), case=LARGE, expect=1).stdout
    assert "bytes per operation, before 60000" in output, output


def compare_passes_over_other_cases_and_units(bench: Bench) -> None:
    before = bench.report(SMALL)
    only(before)["value"] /= 100
    only(before)["unit"] = "s"
    bench.run("--compare", bench.write("before.json", before))
    only(before).update(unit="ns/value", case="of another time")
    bench.run("--compare", bench.write("before.json", before))


def a_damaged_report_is_an_error(bench: Bench) -> None:
    bench.write("before.json", {"host": {}, "cases": [{"suite": "codec"}]})
    for option in ["--compare", "--merge"]:
        for name in ["before.json", "missing.json"]:
            result = subprocess.run(
                [bench.program, *SUITE, SMALL, option, name], cwd=bench.folder, capture_output=True, text=True
            )
            assert result.returncode not in (0, -5, -6, -11) and result.stderr, f"{option} {name}: {result}"


def merge_puts_peers_beside_ours(bench: Bench) -> None:
    peer = {"suite": "peer", "case": "postcard/encode", "unit": "ns/event", "value": 75.5, "spread": 0.01, "better": "lower"}
    ours = {**peer, "suite": "codec", "case": "small-struct/encode", "value": 1}
    first = bench.write("first.json", {"host": {"os": "peer"}, "cases": [peer, ours]})
    second = bench.write("second.json", {"host": {}, "cases": [{**peer, "case": "postcard/decode"}, peer]})
    result = bench.run("--merge", first, "--merge", second, "--json", "out.json")
    with open(os.path.join(bench.folder, "out.json"), encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    names = [f"{case['suite']}/{case['case']}" for case in cases]
    assert names == [SMALL, "peer/postcard/encode", "peer/postcard/decode"], names
    assert cases[0]["value"] != 1 and cases[1]["value"] == 75.5, "what was measured here counts"
    table = result.stdout.split("With 2 merged report(s):")[1]
    assert "\npeer\n" in table and "postcard/decode" in table and "75.50" in table, table


def a_peer_is_what_our_ratio_is_to(bench: Bench) -> None:
    case = "codec/postcard/encode"
    assert only(bench.report(case + "-view"))["reference_kind"] == "claim"
    theirs = {"suite": "codec", "case": "rust-postcard/encode", "unit": "ns/event", "value": 1000, "spread": 0, "better": "lower"}
    report = bench.write("peer.json", {"host": {}, "cases": [theirs]})
    program = os.path.join(bench.folder, "peer")
    for script, expect in [("cp peer.json $1", 0), ("exit 3", 1)]:
        with open(program, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(program, 0o755)
        if expect == 0:
            for option, value in [("--merge", report), ("--peer", program)]:
                found = bench.report(case, option, value)["cases"]
                ours = next(one for one in found if one["case"] == "postcard/encode")
                assert (ours["reference"], ours["reference_kind"]) == ("rust-postcard", "measured"), ours
                assert abs(ours["ratio"] - ours["value"] / 1000) < 1e-9, ours
                assert theirs["case"] in [one["case"] for one in found], found
        else:
            result = subprocess.run(
                [bench.program, *SUITE, case, "--peer", program], cwd=bench.folder, capture_output=True, text=True
            )
            assert result.returncode == 1 and "did not measure: exit status 3" in result.stderr, result


def thresholds_are_kept(bench: Bench) -> None:
    def limits(**limit: float) -> str:
        suite, case = LARGE.split("/", 1)
        return bench.write("limits.json", {"thresholds": [{"suite": suite, "case": case, **limit}]})

    bench.run("--thresholds", limits(max_allocations_per_op=1.1, max_bytes_per_op=70_000), case=LARGE)
    output = bench.run("--thresholds", limits(max_allocations_per_op=0.5), case=LARGE, expect=1).stdout
    assert "the threshold is 0.500" in output, output
    bench.run("--thresholds", limits(max_bytes_per_op=65_000), case=LARGE, expect=1)
    # A gate whose case is gone says so, unless cases were left out on purpose.
    gone = {"suite": "snapshot", "case": "gone", "max_ratio": 1}
    name = bench.write("limits.json", {"thresholds": [gone]})
    assert "no regression" in bench.run("--thresholds", name).stdout
    result = subprocess.run(
        [bench.program, "snapshot", "--quick", "--thresholds", name], cwd=bench.folder, capture_output=True, text=True
    )
    assert result.returncode == 1 and "snapshot/gone: has a threshold and did not run" in result.stdout, result


def a_debug_build_runs_the_release_build(bench: Bench) -> None:
    result = bench.run("--json", os.path.join(bench.folder, "debug.json"))
    assert "this is a debug build; running the release build instead" in result.stderr, result.stderr
    with open(os.path.join(bench.folder, "debug.json"), encoding="utf-8") as file:
        assert json.load(file)["host"]["build"] == "release"
    # Once, not for ever.
    again = subprocess.run(
        [bench.program, *SUITE, SMALL], env={**os.environ, "SAGA_BENCH_RERUN": "1"}, capture_output=True, text=True
    )
    assert again.returncode != 0 and "still a debug build" in again.stderr, again


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--debug")
    options = parser.parse_args()
    checks: List[Callable[[Bench], None]] = [
        report_has_every_field, a_claim_gives_a_ratio, compare_accepts_what_is_no_worse, compare_refuses_what_is_slower,
        noise_is_no_regression, compare_refuses_more_allocations_and_bytes, compare_passes_over_other_cases_and_units,
        a_damaged_report_is_an_error, merge_puts_peers_beside_ours,
        a_peer_is_what_our_ratio_is_to, thresholds_are_kept,
    ]  # fmt: skip
    failed = 0
    with tempfile.TemporaryDirectory(prefix="saga-bench-") as folder:
        runs = [(check, Bench(options.bin, folder)) for check in checks]
        if options.debug:
            runs.append((a_debug_build_runs_the_release_build, Bench(options.debug, folder)))
        for check, bench in runs:
            try:
                check(bench)
                print(f"ok      {check.__name__}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAILED  {check.__name__}: {error}", flush=True)
    print(f"{len(runs) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
