"""The operator's digest against JAX itself: who has the same digest shares entries, and who has
another cannot.

One program compiles in one environment after the other, all with one cache directory. JAX finds it
there exactly if an environment before it has the same digest.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from jaxop.domain.cache.digest import Program, cache_namespace
from jaxop.domain.devices import SliceLayout

ONE_HOST = SliceLayout("cpu", "cpu", 1, 1, 0, None, None, (), (), ())

PROGRAM = """
import json, jax, numpy
from jax import monitoring
seen = []
monitoring.register_event_listener(lambda name, **_: seen.append(name.rpartition("/")[2]))
def step(x):
    return jax.numpy.tanh(x @ x)
jax.jit(step).lower(jax.ShapeDtypeStruct((64, 64), numpy.float32)).compile()
print(json.dumps([seen.count("compile_requests_use_cache"), seen.count("cache_hits")]))
"""

ZSTANDARD = """
import zlib
class ZstdCompressor:
    def compress(self, data): return zlib.compress(data)
class ZstdDecompressor:
    def decompress(self, data): return zlib.decompress(data)
"""
"""For JAX it is there, and so it is named in JAX's key."""

DEVICES = "--xla_force_host_platform_device_count"
FAST = "--xla_cpu_enable_fast_math"


@dataclass(frozen=True)
class Environment:
    what: str
    shares: bool
    """With one before it: what JAX does, and the digest must say."""
    program: Program
    env: dict[str, str] = field(default_factory=dict)


PLAIN = Program("team/jax@sha256:" + "a" * 64, arguments=("python", "-m", "train"))


def flags(xla_flags: str) -> Program:
    return replace(PLAIN, xla_flags=xla_flags)


def argument(word: str) -> Program:
    return replace(PLAIN, arguments=(*PLAIN.arguments, word))


OTHER_IMAGE = replace(PLAIN, image="team/jax@sha256:" + "b" * 64)

ENVIRONMENTS = (
    Environment("the first", False, PLAIN),
    Environment("the same", True, PLAIN),
    Environment("a flag", False, flags(f"{FAST}=false --xla_dump_to=/tmp/jaxop-a")),
    Environment(
        "in another order, with other paths",
        True,
        flags(f"--xla_gpu_cuda_data_dir=/cuda --xla_dump_to=/tmp/jaxop-b {FAST}=false"),
    ),
    Environment("a flag twice", False, flags(f"{FAST}=true {FAST}=false")),
    Environment("twice the other way round", False, flags(f"{FAST}=false {FAST}=true")),
    Environment("two devices", False, flags(f"{DEVICES}=2")),
    Environment("as many devices as without a flag", True, flags(f"{DEVICES}=1")),
    Environment("64 bits, in a program of 32", True, PLAIN, {"JAX_ENABLE_X64": "true"}),
    Environment("a flag in the command", False, argument("--xla_of_the_program=1")),
    Environment("a path in the command", True, argument("--xla_dump_to=/tmp/jaxop-c")),
    Environment("an image with zstandard", False, OTHER_IMAGE, {"PYTHONPATH": "more"}),
)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="has a zstandard of its own")
def test_the_same_digest_is_a_hit_and_another_a_miss(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "zstandard.py").write_text(ZSTANDARD)
    (tmp_path / "program.py").write_text(PROGRAM)
    before: set[str] = set()
    for environment in ENVIRONMENTS:
        requests, hits = _compile(environment, tmp_path)
        assert requests == 1, environment.what
        digest = cache_namespace(environment.program, ONE_HOST)
        assert (hits == 1) is environment.shares, f"JAX: {environment.what}"
        assert (digest in before) is environment.shares, f"the digest: {environment.what}"
        before.add(digest)


def _compile(environment: Environment, directory: Path) -> list[int]:
    program = environment.program
    settings = {
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(directory / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "XLA_FLAGS": program.xla_flags.replace("/tmp/jaxop", str(directory)),
    }
    words = (word.replace("/tmp/jaxop", str(directory)) for word in program.arguments[3:])
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_", "PYTHON"))
    }
    done = subprocess.run(
        [sys.executable, "program.py", *words],
        env={**inherited, **settings, **environment.env},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[int] = json.loads(done.stdout.splitlines()[-1])
    return found
