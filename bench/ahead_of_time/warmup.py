"""A Warmup with aheadOfTime without a cluster: real launchers, a real keeper, real libtpu.

    pip install 'jax[tpu]==0.10.2' prometheus_client
    export PYTHONPATH=operator:images/runtime/jaxrun/src
    python -m bench.ahead_of_time.warmup                      # tpu-v5e 2x2
    python -m bench.ahead_of_time.warmup tpu-v4 2x2x1
    PYTHONPATH=$PYTHONPATH:examples/bytegpt python -m bench.ahead_of_time.warmup \\
        tpu-v5e 2x4 python -m bytegpt --warm                  # needs the examples' packages

Runs `warm_program`, or the command that is given, as its fill, has the keeper publish what that
offers, and runs it again as its verification, in a directory that is empty but for links. Ends with
1 unless the second run finds every entry, loads none of those for the TPU, and leaves all of them
where they are.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jaxop.api.v1alpha1 import AcceleratorClass
from jaxop.api.v1alpha1.jaxjob import Accelerator
from jaxop.domain.devices import SliceLayout, resolve
from jaxop.domain.jaxjob.pods.ahead_of_time import AbsentDevices
from jaxop.domain.warmup.absent import described

CATALOGUE = Path(__file__).parents[2] / "charts/jax-operator/catalogue"
PROGRAM = Path(__file__).with_name("warm_program.py")
DIGEST = "0123456789abcdef"
PUBLISH_SECONDS = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ahead_of_time.warmup")
    parser.add_argument("name", nargs="?", default="tpu-v5e")
    parser.add_argument("topology", nargs="?", default="2x2")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    command = asked.command or [sys.executable, str(PROGRAM)]
    absent = _absent(asked.name, asked.topology)
    print(f"{asked.name} {asked.topology}: {absent.for_program}")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        fill = _launch(root, absent, command, "Fill", JAXRUN_CACHE_OFFERS="true")
        _tell("fill", fill)
        published = _publish(root, int(fill["cache"]["offered"]))
        shutil.rmtree(root / "local")
        verify = _launch(root, absent, command, "Verify")
        _tell("verification", verify)
        links = sum(path.is_symlink() for path in (root / "local").glob("*-cache"))
    cache = verify["cache"]
    found = cache["hits"] + cache["notLoadable"]
    good = (
        found == cache["requests"] - cache["neverKept"]
        and cache["notLoadable"] > 0
        and cache["readErrors"] == 0
        and links == published == fill["cache"]["offered"]
    )
    print(f"{published} entries published, {links} still linked: {'good' if good else 'BAD'}")
    return 0 if good else 1


def _absent(name: str, topology: str) -> AbsentDevices:
    read = AcceleratorClass.model_validate(yaml.safe_load((CATALOGUE / f"{name}.yaml").read_text()))
    request = Accelerator.model_validate({"class": name, "topology": topology})
    layout = resolve(name, read.spec, request)
    if not isinstance(layout, SliceLayout):
        sys.exit(f"error: {layout[0]}")
    found = described(read, layout, DIGEST)
    return found if isinstance(found, AbsentDevices) else sys.exit(f"error: {found}")


def _launch(
    root: Path, absent: AbsentDevices, program: list[str], run: str, **more: str
) -> dict[str, Any]:
    """The launcher's last words: `cache`, `compileSeconds`, as contract.json has them."""
    for name in ("local", "volume/published", "volume/staging"):
        (root / name).mkdir(parents=True, exist_ok=True)
    log = root / f"{run}.json"
    environ = {
        **os.environ,
        "JAXRUN_AHEAD_OF_TIME": absent.for_program,
        "JAXRUN_WARMUP": run,
        "JAXRUN_CACHE_NAMESPACE": DIGEST,
        "JAXRUN_CACHE_PUBLISHED": str(root / "volume/published"),
        "JAXRUN_CACHE_STAGING": str(root / "volume/staging"),
        "JAXRUN_CACHE_LOCAL": str(root / "local"),
        "JAXRUN_TERMINATION_LOG": str(log),
        "JAXRUN_HTTP_PORT": str(_free_port()),
        "JAXRUN_GANG_PORT": str(_free_port()),
        **more,
    }
    command = [sys.executable, "-m", "jaxrun", "launch", "--", *program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    if done.returncode:
        sys.exit(
            f"error: the {run} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}"
        )
    found: dict[str, Any] = json.loads(log.read_text())
    return found


def _publish(root: Path, offered: int) -> int:
    """By a keeper, until it has all that was offered; how many entries there are."""
    policy: dict[str, Any] = {"version": 1, "maxBytes": None, "unusedSeconds": 86400, "inUse": []}
    (root / "policy.json").write_text(json.dumps(policy))
    environ = {
        **os.environ,
        "JAXRUN_KEEPER_VOLUME": str(root / "volume"),
        "JAXRUN_KEEPER_POLICY": str(root / "policy.json"),
        "JAXRUN_KEEPER_PORT": str(_free_port()),
    }
    entries = root / "volume/published" / DIGEST / "entries"
    keeper = subprocess.Popen([sys.executable, "-m", "jaxrun", "keep"], env=environ)
    try:
        deadline = time.monotonic() + PUBLISH_SECONDS
        while (count := len(list(entries.glob("*")))) < offered and time.monotonic() < deadline:
            time.sleep(0.1)
        return count
    finally:
        keeper.terminate()
        keeper.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


def _tell(what: str, said: Mapping[str, Any]) -> None:
    cache = said["cache"]
    names = ("requests", "hits", "notLoadable", "readErrors", "neverKept", "linked", "offered")
    counts = ", ".join(f"{name} {cache[name]}" for name in names)
    print(f"{what}: {counts}; compiled for {said['compileSeconds']:.2f} s")


if __name__ == "__main__":
    sys.exit(main())
