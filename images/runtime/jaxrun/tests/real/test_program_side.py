"""What lives inside the program: it sees the end coming, and otherwise cannot be noticed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gang import RealGang

SITE = Path(__file__).parents[2] / "src" / "jaxrun" / "site"
JAX = "import jax; jax.distributed.initialize()\n"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RealGang]:
    """A gang of one."""
    gang = RealGang(tmp_path, size=1)
    yield gang
    gang.close()


def run(gang: RealGang, code: str, **environment: str) -> str:
    gang.start([sys.executable, "-c", code], **environment)
    gang.wait()
    return gang.launchers[0].out


def test_without_a_launcher_everything_is_a_no_op() -> None:
    code = (
        "import jaxrun; jaxrun.report(step=1, loss=object()); jaxrun.checkpointed(1); "
        "print(jaxrun.should_stop())"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("JAXRUN")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_nonsense_does_not_raise(alone: RealGang) -> None:
    code = (
        "import jaxrun\n"
        "jaxrun.report(step='x', loss=object())\n"
        "jaxrun.report(step=7, loss=float('nan'), **{f'm{i}': i for i in range(100)})\n"
        "jaxrun.checkpointed(None)\nprint('still here')"
    )
    assert "still here" in run(alone, code)
    assert alone.launchers[0].termination["step"] == 7
    assert alone.exit_codes == [0]


def test_another_sitecustomize_still_runs(alone: RealGang) -> None:
    theirs = alone.directory / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("import builtins; builtins.THEIRS = 'theirs'\n")
    code = (
        "import sitecustomize, sys; print(THEIRS, sitecustomize.__file__); "
        "print([p for p in sys.path if 'theirs' in p or p.endswith('site')])"
    )
    out = run(alone, code, PYTHONPATH=str(theirs))
    assert f"theirs {theirs}/sitecustomize.py" in out
    assert str(SITE) in out


def test_another_sitecustomize_that_fails_fails_as_always(alone: RealGang) -> None:
    theirs = alone.directory / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("raise RuntimeError('theirs is broken')\n")
    out = run(alone, "print('runs')", PYTHONPATH=str(theirs))
    assert "theirs is broken" in out
    assert "runs" in out


def test_the_users_own_excepthook_runs_and_the_exception_is_still_seen(alone: RealGang) -> None:
    code = (
        "import sys\n"
        "sys.excepthook = lambda *a: print('my hook', a[0].__name__)\n"
        "raise KeyError('x')"
    )
    out = run(alone, code)
    assert "my hook KeyError" in out
    assert alone.exit_codes == [1]
    assert alone.launchers[0].termination["exception"]["type"] == "KeyError"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("import sys\ntry: sys.exit(3)\nexcept SystemExit: pass", 0),
        ("import sys\ntry: sys.exit(3)\nexcept SystemExit as e: print(e.code)\nsys.exit(4)", 4),
        ("import sys\ntry: sys.exit(3)\nfinally: print('cleaning')", 3),
        ("import sys; sys.exit('a message')", 1),
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(256 + 7)", 7),
        ("import sys; sys.exit(-1)", 255),
        ("raise SystemExit(6)", 6),
        ("import threading, sys\nt = threading.Thread(target=sys.exit, args=(9,))\nt.start()", 0),
        ("import sys\nsys.excepthook(*[ValueError, ValueError('shown'), None])", 0),
    ],
)
def test_how_the_interpreter_ends(alone: RealGang, code: str, exit_code: int) -> None:
    """In a JAX world, where an exit that was announced wrongly would be a verdict at once."""
    run(alone, JAX + code)
    assert alone.exit_codes == [exit_code], alone.outputs()


def test_an_exit_that_takes_long_is_not_cut_short_outside_of_a_world(alone: RealGang) -> None:
    code = (
        "import atexit, time\n"
        "def bye(): time.sleep(1.5); print('uploaded')\n"
        "atexit.register(bye)\nraise ValueError('bad batch')"
    )
    assert "uploaded" in run(alone, code)
    assert alone.launchers[0].termination["exception"]["type"] == "ValueError"


def test_an_exception_is_seen_although_a_thread_never_ends(alone: RealGang) -> None:
    """Python joins such threads before atexit: only sys.excepthook comes before that."""
    code = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,)).start()\n"
        "raise ValueError('bad batch')"
    )
    run(alone, code)
    assert alone.exit_codes == [1]
    assert alone.launchers[0].termination["exception"]["type"] == "ValueError"


def test_exceptions_of_children_are_not_the_programs(alone: RealGang) -> None:
    code = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'raise ValueError(1)'])\nprint('goes on')"
    )
    assert "goes on" in run(alone, code)
    assert alone.exit_codes == [0]


def test_exceptions_of_forked_children_are_not_the_programs(alone: RealGang) -> None:
    """The child has the parent's connection to the launcher, and must not speak through it."""
    code = (
        "import jaxrun, os\njaxrun.report(step=1)\n"
        "if os.fork() == 0: raise ValueError('child')\nos.wait(); print('goes on')"
    )
    assert "goes on" in run(alone, code)
    assert alone.exit_codes == [0]
    assert alone.launchers[0].termination["cause"] is None


def test_a_python_below_a_shell_is_heard(alone: RealGang) -> None:
    failing = f"{sys.executable} -c 'raise KeyError(1)'"
    alone.start(["sh", "-c", f"{failing} || echo goes on; {failing}; exit 9"])
    alone.wait()
    assert "goes on" in alone.outputs()
    assert alone.exit_codes == [9]
    assert alone.launchers[0].termination["exception"]["type"] == "KeyError"


def test_reports_of_jax_arrays_are_not_waited_for(alone: RealGang) -> None:
    code = JAX + (
        "import jax.numpy as jnp, jaxrun, time\n"
        "slow = jax.jit(lambda x: jax.lax.fori_loop(0, 150, lambda i, y: y @ y / 1e3, x).sum())\n"
        "x = jnp.ones((800, 800)); slow.lower(x).compile(); y = slow(x)\n"
        "jaxrun.report(step=1, y=y); print(f'ready {y.is_ready()}')\n"
        "y.block_until_ready(); time.sleep(0.2); jaxrun.report(step=2)\n"
    )
    out = run(alone, code)
    line = next(x for x in out.splitlines() if x.startswith("ready"))
    assert line.startswith("ready False"), line


def test_reporting_never_blocks_when_nobody_listens(tmp_path: Path) -> None:
    """A launcher that has stopped reading: thousands of reports are dropped, none is waited for."""
    import socket

    from jaxrun.program.flag import Flag

    Flag.create(str(tmp_path / "flag"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as deaf:
        deaf.bind(str(tmp_path / "reports"))
        deaf.listen(1)
        code = (
            "import jaxrun\nfrom jaxrun.program import api\napi._SEND_INTERVAL_SECONDS = 0\n"
            "for step in range(20000): jaxrun.report(step=step, loss=0.5)\n"
        )
        env = {
            **os.environ,
            "JAXRUN_CHANNEL": str(tmp_path),
            "PYTHONPATH": f"{SITE}:{SITE.parents[1]}",
        }
        # One that is waited for never comes to its end.
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stderr


def test_modules_of_jax_look_as_if_nobody_had_watched(alone: RealGang) -> None:
    code = (
        "import sys; before = len(sys.meta_path); import jax, jax._src.distributed as d\n"
        "print(type(jax.__spec__.loader).__name__, type(d.__loader__).__name__)\n"
        "print('finders', before - len(sys.meta_path), d.State.initialize.__name__)"
    )
    out = run(alone, code)
    assert "SourceFileLoader SourceFileLoader" in out
    assert "finders 1 initialize" in out
