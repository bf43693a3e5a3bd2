"""A process is signalled only if it is still the one that was started."""

import os
import signal
import subprocess

from e2e.cluster.processes import ProcessId, wait_gone


def test_a_running_process_is_alive_until_it_ends() -> None:
    process = subprocess.Popen(["sleep", "60"])
    identity = ProcessId.of(process.pid)
    assert identity.alive()
    process.kill()
    process.wait()
    assert not identity.alive()


def test_a_reused_id_is_not_signalled() -> None:
    process = subprocess.Popen(["sleep", "60"])
    somebody_before = ProcessId(process.pid, ProcessId.of(process.pid).start_time - 1)
    somebody_before.signal(signal.SIGKILL)
    assert process.poll() is None
    process.kill()
    process.wait()


def test_a_zombie_counts_as_gone() -> None:
    process = subprocess.Popen(["true"])
    identity = ProcessId.of(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert wait_gone(identity, timeout_seconds=1)
    process.wait()
