"""`jaxrun inspect` as installed, on real Pythons: with JAX, without it, with one that hangs."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jaxrun.inspection import inspect
from jaxrun.install import install

Found = tuple[int, dict[str, Any]]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "termination"


def run(tmp_path: Path, log: Path, python: str, **environ: str) -> Found:
    """In an image whose only Python is that one."""
    install(tmp_path / "jaxop")
    path = tmp_path / "bin"
    path.mkdir()
    (path / "python3").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    (path / "python3").chmod(0o755)
    done = subprocess.run(
        [str(tmp_path / "jaxop/jaxrun"), "inspect"],
        env={"PATH": f"{path}:/bin", "JAXRUN_TERMINATION_LOG": str(log), **environ},
        capture_output=True,
    )
    return done.returncode, json.loads(log.read_text())


def a_package_called_jax(directory: Path, source: str) -> dict[str, str]:
    """An environment in which it is the first to be found."""
    (directory / "jax").mkdir(parents=True)
    (directory / "jax/__init__.py").write_text(source)
    python = Path(sys.executable).parent
    return {"PYTHONPATH": str(directory), "PATH": f"{python}:{os.environ['PATH']}"}


def test_real_jax_is_found(tmp_path: Path, log: Path) -> None:
    code, found = run(tmp_path, log, sys.executable, JAX_PLATFORMS="cpu")
    assert code == 0
    assert found["error"] is None
    assert found["python"] == platform.python_version()
    assert found["jax"] == importlib.metadata.version("jax")
    assert found["jaxlib"] == importlib.metadata.version("jaxlib")
    assert found["compression"] in ("zstandard", "zlib")
    assert (found["platform"], found["platformVersion"]) == ("cpu", None)
    assert (found["device"], found["devices"]) == ("cpu", 1)


def test_a_flag_that_xla_does_not_know_is_named(tmp_path: Path, log: Path) -> None:
    code, found = run(tmp_path, log, sys.executable, XLA_FLAGS="--xla_no_such_flag=1")
    assert code == 1
    assert "--xla_no_such_flag" in found["error"]
    assert found["jax"] == importlib.metadata.version("jax"), "what was told before counts"


def test_a_platform_that_is_not_there_is_named(tmp_path: Path, log: Path) -> None:
    code, found = run(tmp_path, log, sys.executable, JAX_PLATFORMS="no-such-platform")
    assert code == 1
    assert "no-such-platform" in found["error"]


def test_a_python_without_jax(tmp_path: Path, log: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    code, found = run(tmp_path, log, str(bare / "bin/python"))
    assert code == 1
    assert found["jax"] is None
    assert "no Python of this image has jax: looked at" in found["error"]
    assert "put the one that has it on the image's PATH" in found["error"]


def test_a_jax_that_cannot_be_imported(tmp_path: Path) -> None:
    source = "raise ImportError('libcudart.so.13: cannot open shared object file')"
    found = inspect(a_package_called_jax(tmp_path, source))
    assert found["error"] == "ImportError: libcudart.so.13: cannot open shared object file"
    assert found["python"] == platform.python_version()


@pytest.mark.parametrize(
    ("source", "seconds", "said"),
    [
        ("import time; time.sleep(600)", 3.0, "import jax has not ended after 3 s"),
        ("import os; os.abort()", 120.0, "Python with JAX was killed by signal 6"),
    ],
)
def test_a_jax_that_hangs_or_aborts(tmp_path: Path, source: str, seconds: float, said: str) -> None:
    began = time.monotonic()
    found = inspect(a_package_called_jax(tmp_path, source), seconds)
    assert said in found["error"]
    assert time.monotonic() - began < 120.0, "it waited for the hanging program's own end"


def test_nothing_of_a_jax_that_hangs_is_left(tmp_path: Path) -> None:
    source = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(f'{{child.pid}}.')\n"
        "child.wait()\n"
    )
    environ = a_package_called_jax(tmp_path, source)
    pid, patience = tmp_path / "pid", iter((3.0, 10.0, 30.0, 60.0))
    while not (pid.exists() and pid.read_text().endswith(".")):
        inspect(environ, seconds=next(patience))
    deadline = time.monotonic() + 60
    while is_alive(pid.read_text().rstrip(".")):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False
