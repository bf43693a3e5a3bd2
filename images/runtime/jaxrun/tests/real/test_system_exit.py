"""`raise SystemExit(n)`, unlike sys.exit(n), passes nothing that can be watched before Python 3.12.

On a Python that has sys.monitoring, with or without JAX: a world is played by calling what
jax.distributed.initialize calls, its barrier by a slow atexit handler.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gang import RealGang

IN_A_WORLD = (
    "import atexit, sys, time\n"
    "from jaxrun.program import hooks\n"
    "from jaxrun.program.reporter import reporter\n"
    "hooks.watch_system_exit(reporter())\n"
    "hooks.watch_system_exit(reporter())\n"
    "def barrier(): print('at the barrier', flush=True); time.sleep(300)\n"
    "atexit.register(barrier)\n"
)


def a_python_with_monitoring() -> str | None:
    names = (f"python3.{minor}" for minor in range(12, 16))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    code = "import sys; print(sys.executable if hasattr(sys, 'monitoring') else '')"
    known = (sys.executable, *map(shutil.which, names), *pyenv.glob("versions/3.1*/bin/python"))
    for python in known:
        if python is not None:
            done = subprocess.run([python, "-c", code], capture_output=True, text=True)
            if done.returncode == 0 and done.stdout.strip():
                return done.stdout.strip()
    return None


PYTHON = a_python_with_monitoring()
pytestmark = pytest.mark.skipif(PYTHON is None, reason="no Python >= 3.12 on this machine")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RealGang]:
    """A gang of one."""
    sources = Path(__file__).parents[2] / "src"
    gang = RealGang(tmp_path, size=1, environment={"PYTHONPATH": str(sources)})
    yield gang
    gang.close()


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("raise SystemExit(3)", 3),
        ("def main():\n  raise SystemExit(4)\nmain()", 4),
        ("raise SystemExit('a message')", 1),
        ("sys.exit(5)", 5),
        ("try: raise SystemExit(3)\nexcept SystemExit: pass\nraise SystemExit(6)", 6),
        ("class Mine(SystemExit): pass\nraise Mine(7)", 7),
    ],
)
def test_it_is_told_before_the_barrier(alone: RealGang, code: str, exit_code: int) -> None:
    assert PYTHON is not None
    alone.start([PYTHON, "-c", IN_A_WORLD + code])
    alone.wait()
    assert alone.exit_codes == [exit_code], alone.outputs()
    assert alone.launchers[0].termination["message"].endswith(f"exited with code {exit_code}")


def test_of_a_module_too(alone: RealGang) -> None:
    assert PYTHON is not None
    alone.directory.joinpath("pod-0").mkdir()
    (alone.directory / "pod-0" / "train.py").write_text(IN_A_WORLD + "raise SystemExit(8)")
    alone.start([PYTHON, "-m", "train"])
    alone.wait()
    assert alone.exit_codes == [8], alone.outputs()


@pytest.mark.parametrize(
    "code",
    [
        "try: raise SystemExit(3)\nexcept SystemExit: pass",
        "import threading\ndef f(): raise SystemExit(3)\n"
        "t = threading.Thread(target=f); t.start(); t.join()",
    ],
)
def test_one_that_ends_nothing_is_not_told(alone: RealGang, code: str) -> None:
    assert PYTHON is not None
    quick = IN_A_WORLD.replace("time.sleep(300)", "None")
    alone.start([PYTHON, "-c", quick + code])
    alone.wait()
    assert alone.exit_codes == [0], alone.outputs()
    assert "at the barrier" in alone.outputs()
