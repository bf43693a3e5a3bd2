"""Compiles for an absent TPU twice on one cache, and once for each other topology."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OTHERS = ("v5e:2x4", "v5p:2x2x1", "v6e:2x2")
ABSENT = {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",  # no question to a metadata server that is not there
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",  # libtpu wants one; the topology's name decides
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ahead_of_time", description=__doc__)
    parser.add_argument("topology", nargs="?", default="v5e:2x2")
    topology = parser.parse_args().topology
    with tempfile.TemporaryDirectory() as directory:
        cache = Path(directory)
        first = _run(topology, cache)
        again = _run(topology, cache)
        others = {name: _run(name, cache) for name in OTHERS if name != topology}
    _tell(topology, first, again)
    for name, other in others.items():
        differs = [
            part for part, value in other["key_parts"].items() if value != first["key_parts"][part]
        ]
        print(f"\n{name}: {other['device']}, {other['devices']} devices, compiled")
        print(f"  parts of the key that differ: {', '.join(differs)}")
    return 0


def _run(topology: str, cache: Path) -> dict[str, Any]:
    environ = {**os.environ, **ABSENT, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "bench.ahead_of_time.program", topology, str(cache)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {topology} was not compiled:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _tell(topology: str, first: dict[str, Any], again: dict[str, Any]) -> None:
    print(f"{topology}: JAX {first['jax']}, {first['devices']} devices of {first['processes']}")
    print(f"  process(es), {first['device']}; compiled in {first['seconds']:.2f} s")
    print(f"  platform version, part of the key: {first['platform_version']!r}")
    print(f"  serialised: {first['serialized_bytes']} bytes")
    print(f"  entries of the cache: {', '.join(first['entries']) or 'none'}")
    same = "the same key" if again["key_parts"] == first["key_parts"] else "another key"
    print(f"again, in a second process: {same}, {again['hits']}/{again['requests']} hits")
    for warning in again["warnings"]:
        print(f"  {warning}")


if __name__ == "__main__":
    sys.exit(main())
