"""What `saga new` makes, built and run against a server, language by language.

    new.py --saga SERVER LANGUAGE...

Each project is made, refused a second time, built by the language's `sdk new FOLDER`, started by `sdk run-new FOLDER`, given an
order that goes well and one whose card is declined, and told to stop. Ends with `N passed, N failed`.
"""

import argparse
import asyncio
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("python/src", "python/tests", "python/conformance"):
    sys.path.insert(0, str(HERE.parent / folder))

from world import Server  # noqa: E402

USAGE, CONFLICT, SAGA_FAILED = 2, 6, 1


def saga(program: str, *arguments: str, expect: int = 0, **how: object) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, **how)  # type: ignore[call-overload]
    assert done.returncode == expect, f"saga {arguments}: exit {done.returncode}, not {expect}\n{done.stdout}{done.stderr}"
    return done


def wrong_places_are_refused(program: str, folder: pathlib.Path) -> None:
    saga(program, "new", "cobol", str(folder / "x"), expect=USAGE)
    assert "python, typescript, go, java, rust, c, swift" in saga(program, "new", "--help").stdout
    refused = saga(program, "new", "python", str(folder / "9 lives"), expect=USAGE)
    assert "--name" in refused.stderr, refused.stderr
    (folder / "file").write_text("")
    saga(program, "new", "python", str(folder / "file"), expect=USAGE)
    saga(program, "new", "python", str(folder / "x"), "--sdk", str(folder), expect=USAGE)
    assert not (folder / "x").exists()


def works(program: str, language: str, folder: pathlib.Path, server: Server) -> None:
    name = f"order-{language}"
    where = folder / "deep" / name
    made = json.loads(saga(program, "new", language, str(where), "--output", "json").stdout)
    assert (made["language"], made["name"], made["directory"]) == (language, name, str(where)), made
    assert all((where / file).stat().st_size > 0 for file in made["files"]), made
    again = saga(program, "new", language, str(where), expect=CONFLICT)
    assert "is not empty" in again.stderr, again.stderr
    sdk = str(HERE.parent / language / "sdk")
    built = subprocess.run([sdk, "new", str(where)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert built.returncode == 0, built.stdout[-3_000:]
    env = {**os.environ, "SAGA_ADDRESS": f"localhost:{server.port}", "SAGA_CA": server.ca}
    with open(folder / f"{language}.log", "w+") as log, open(folder / f"{language}.errors", "w") as errors:
        worker = subprocess.Popen([sdk, "run-new", str(where)], env=env, stdout=log, stderr=errors)
        try:
            begin = ["start", name, "--queue", name, "--wait"] if language == "swift" else ["run", str(where / "saga.yaml")]
            saga(program, *begin, "--id", f"{name}-1", "--input", '{"item": "book", "amount": 30}', env=env)
            order = '{"item": "pen", "amount": 5000}'
            ended = saga(program, *begin, "--id", f"{name}-2", "--input", order, env=env, expect=SAGA_FAILED)
            assert "card declined" in ended.stdout + ended.stderr, ended
            worker.send_signal(signal.SIGTERM)
            # Java ends by the signal all the same, after its worker has drained.
            assert worker.wait(20) in (0, 143), worker.returncode
        finally:
            worker.kill()
            worker.wait()
        log.seek(0)
        lines = log.read().splitlines()
    assert lines == ["reserved book", "charged 30", "reserved pen", "released pen"], lines


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--saga", required=True)
    parser.add_argument("languages", nargs="+")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="saga-new-") as made:
        folder = pathlib.Path(made)
        server = Server(options.saga, folder / "server")
        server.start()
        try:
            await server.ready()
            tests = [("refusals", lambda: wrong_places_are_refused(options.saga, folder))]
            tests += [(one, lambda one=one: works(options.saga, one, folder, server)) for one in options.languages]  # type: ignore[misc]
            for name, test in tests:
                began = time.monotonic()
                try:
                    test()
                    print(f"  new: {name} {time.monotonic() - began:.1f} s")
                except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
                    failed += 1
                    print(f"  new: {name} FAILED: {type(error).__name__}: {error}")
        finally:
            server.kill()
    print(f"new: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
