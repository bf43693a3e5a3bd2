"""The launcher as a container's first process: what it passes on, reaps, kills and tells."""

import itertools
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gang import RealGang

PYTHON = sys.executable


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RealGang]:
    """A gang of one."""
    gang = RealGang(tmp_path, size=1)
    yield gang
    gang.close()


def python(code: str) -> list[str]:
    return [PYTHON, "-c", code]


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_alone_with_a_bare_initialize(alone: RealGang) -> None:
    alone.start_program("none", steps=5)
    alone.wait()
    assert alone.exit_codes == [0], alone.outputs()
    assert alone.launchers[0].termination["message"] == "the process finished"


def test_a_module_a_script_and_no_jax(alone: RealGang) -> None:
    """`python -m`, a shell script and a program that knows nothing of any of this."""
    pod = alone.directory / "pod-0"
    pod.mkdir()
    (pod / "train.py").write_text("import sys; print('module', sys.argv[1:])")
    alone.start([PYTHON, "-m", "train", "--steps", "3"])
    alone.wait()
    assert "module ['--steps', '3']" in alone.outputs()
    assert alone.exit_codes == [0]

    script = pod / "run.sh"
    script.write_text("#!/bin/sh\necho from the script\nexit 5\n")
    script.chmod(0o755)
    alone.start([str(script)])
    alone.wait()
    assert "from the script" in alone.outputs()
    assert alone.exit_codes == [5]


def test_output_passes_untouched(alone: RealGang) -> None:
    alone.start(python("import os; os.write(1, b'\\xff\\x00 no newline'); os.write(2, b'E')"))
    alone.wait()
    pod = alone.directory / "pod-0"
    assert (pod / "out").read_bytes() == b"\xff\x00 no newline"
    assert re.search(rb"^E", (pod / "err").read_bytes(), re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (["no-such-program"], 127, "command not found: no-such-program"),
        (["/etc/passwd"], 126, "cannot run /etc/passwd: Permission denied"),
        (["/no/such/file"], 127, "command not found: /no/such/file"),
    ],
)
def test_what_cannot_be_run(alone: RealGang, command: list[str], code: int, says: str) -> None:
    alone.start(command)
    alone.wait()
    assert alone.exit_codes == [code], alone.outputs()
    assert says in alone.launchers[0].termination["message"]


def test_a_wrong_environment_is_told(alone: RealGang) -> None:
    alone.start(["true"], JAXRUN_NUM_PROCESSES="many")
    alone.wait()
    assert alone.exit_codes == [78]
    assert "JAXRUN_NUM_PROCESSES is 'many'" in alone.launchers[0].termination["message"]


def test_signals_are_forwarded_to_the_whole_group(alone: RealGang) -> None:
    alone.start(
        python(
            "import os, signal\n"
            "numbers = {signal.SIGUSR1, signal.SIGHUP}\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, numbers)\n"
            "who = 'parent' if os.fork() else 'child'\n"
            "os.write(1, f'{who} is ready\\n'.encode())\n"
            "while True:\n"
            "    number = signal.sigwait(numbers)\n"
            "    os.write(1, f'{who} got {number.name}\\n'.encode())\n"
            "    if number == signal.SIGHUP and who == 'parent': os._exit(0)\n"
        )
    )
    for who in ("parent", "child"):
        alone.wait_for_output(f"^{who} is ready$")
    alone.signal(0, signal.SIGUSR1)
    for who in ("parent", "child"):
        alone.wait_for_output(f"^{who} got SIGUSR1$")
    alone.signal(0, signal.SIGHUP)
    alone.wait()
    assert "parent got SIGHUP" in alone.outputs()
    assert alone.exit_codes == [0]


def test_sigterm_is_forwarded_and_its_handler_has_the_grace(alone: RealGang) -> None:
    alone.start(
        python(
            "import signal, time, sys\n"
            "def stop(*_): print('saving'); time.sleep(0.5); print('saved'); sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, stop)\nprint('ready')\nwhile True: time.sleep(0.1)"
        )
    )
    alone.wait_for_output("^ready$")
    alone.signal(0, signal.SIGTERM)
    alone.wait()
    assert "saved" in alone.outputs()
    # Exit code 0 would tell Kubernetes that the work is complete.
    assert alone.exit_codes == [143]
    assert alone.launchers[0].termination["cause"] == "Preempted"


def test_an_orphan_is_reaped_while_the_program_runs(alone: RealGang) -> None:
    alone.start(
        python(
            "import subprocess, time\n"
            "subprocess.run(['sh', '-c', 'sleep 0.5 & echo orphan $!'])\n"
            "time.sleep(600)"
        )
    )
    orphan = alone.wait_for_output(r"^orphan (\d+)$")[1]
    # One that has ended and is not reaped has its directory still.
    alone.wait_for(lambda: not Path("/proc", orphan).exists())
    assert alone.launchers[0].exit_code is None


def test_nothing_survives_the_program(alone: RealGang) -> None:
    """A daemon that left the program's session, and ignores SIGTERM, is killed with it."""
    daemon = (
        "import os, pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(f'daemon {os.getpid()}'); pathlib.Path('daemon').touch(); time.sleep(600)"
    )
    alone.start(
        python(
            "import pathlib, subprocess, sys, time\n"
            f"subprocess.Popen([sys.executable, '-c', {daemon!r}], start_new_session=True)\n"
            "while not pathlib.Path('daemon').exists(): time.sleep(0.01)"
        )
    )
    alone.wait()
    assert not is_alive(int(alone.wait_for_output(r"^daemon (\d+)$")[1]))
    assert alone.exit_codes == [0]


def test_the_program_dies_with_its_launcher(alone: RealGang) -> None:
    alone.start(python("import os, time; print('pid', os.getpid()); time.sleep(600)"))
    pid = int(alone.wait_for_output(r"^pid (\d+)$")[1])
    alone.signal(0, signal.SIGKILL)
    alone.wait()
    alone.wait_for(lambda: not is_alive(pid))


def test_waiting_for_peers_is_told_and_can_be_stopped(gang: RealGang) -> None:
    gang.start(["true"], only=[0])
    launched = gang.launchers[0]
    gang.wait_for(lambda: launched.status().get("joined") == 1)
    status = launched.status()
    assert (status["state"], status["missing"], status["step"]) == ("Joining", [1], None)
    assert 'jaxrun_gang_state{state="Joining"} 1.0' in launched.page("metrics")
    gang.signal(0, signal.SIGTERM)
    gang.wait()
    assert gang.exit_codes == [143]
    assert "while waiting for process 1" in launched.termination["message"]


def test_process_0_may_come_last(gang: RealGang) -> None:
    gang.start(["true"], only=[1])
    gang.wait_for(lambda: gang.launchers[1].status().get("state") == "Joining")
    gang.start(["true"], only=[0])
    gang.wait()
    assert gang.exit_codes == [0, 0], gang.outputs()


def test_a_wrong_token_is_told_on_both_sides(gang: RealGang) -> None:
    gang.start(["true"], only=[0])
    gang.start(["true"], only=[1], JAXRUN_TOKEN="stolen")
    gang.wait(only=[1])
    refused = gang.launchers[1]
    assert refused.exit_code == 78
    assert "was refused by process 0: wrong token" in refused.termination["message"]
    gang.wait_for_output("refused process 1")
    gang.start(["true"], only=[1])
    gang.wait()
    assert gang.exit_codes == [0, 0], gang.outputs()


def test_status_and_metrics_of_a_run(gang: RealGang) -> None:
    gang.start_program("none")
    gang.wait_for_step(3)
    gang.wait_for(lambda: gang.launchers[0].status().get("metrics"))
    gang.wait_for(lambda: gang.launchers[1].status().get("state") == "Running")
    status = gang.launchers[0].status()
    assert status["state"] == "Running"
    assert status["metrics"]["value"] >= 0
    assert status["compile"]["count"] > 0
    times = status["times"]
    order = ("launcherStarted", "allJoined", "spawned", "jaxImported", "initialised")
    order += ("firstCompile", "firstStep")
    assert all(times[a] <= times[b] for a, b in itertools.pairwise(order)), times
    assert times["finished"] is None
    metrics = gang.launchers[0].page("metrics")
    for line in ("jaxrun_gang_processes 2.0", 'jaxrun_reported{name="value"}', "jaxrun_step "):
        assert line in metrics
    assert gang.launchers[0].page("healthz") == "ok\n"
    own = gang.launchers[1].status()
    assert (own["processId"], own["state"], own["joined"]) == (1, "Running", 2)
    gang.close()


def test_an_idle_launcher_costs_next_to_nothing(gang: RealGang) -> None:
    gang.start(["sleep", "600"])
    gang.wait_for(lambda: gang.launchers[0].status().get("state") == "Starting")
    pid = gang.launchers[0].process.pid

    def cpu_seconds() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = cpu_seconds()
    time.sleep(2)
    assert cpu_seconds() - before < 0.5
    resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
    assert int(resident) * os.sysconf("SC_PAGE_SIZE") < 64 << 20
    gang.close()
