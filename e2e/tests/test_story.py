"""What a person is told: `kubectl get`, `kubectl describe`, `jaxop explain`."""

import os
import re
import subprocess
import sys
from pathlib import Path

from e2e.deploy import Deployment
from e2e.tests.jaxjobs import a_jaxjob
from e2e.tests.namespace import Namespace

COLUMNS = ["NAME", "STATE", "REASON", "ACCELERATOR", "HOSTS", "STEP", "RESTARTS", "AGE"]
NAME = re.compile(r"\S+(?: \S+)*")
"""Of a column: what has one space in it is one name."""
WIDE = [
    *COLUMNS,
    "CACHE",
    "FIRST STEP",
    "GOODPUT",
    "ATTEMPT",
    "CAUSE",
    "STARTED",
    "COMPLETED",
    "MESSAGE",
]


def test_a_job_that_runs_and_fails_is_a_short_story(
    namespace: Namespace, deployment: Deployment
) -> None:
    namespace.apply(a_jaxjob().running("train.py", "--act", "exception", "--hold"))
    namespace.wait_for("Running")
    header, row = namespace.run("get", "jaxjobs").splitlines()
    assert header.split() == COLUMNS
    cells = cells_of(header, row)
    assert cells["STATE"] == "Running"
    assert cells["REASON"] == "ProgramRunning"
    assert cells["ACCELERATOR"] == "cpu 2"
    assert cells["HOSTS"] == "2/2"
    assert int(cells["STEP"]) > 0
    assert cells["RESTARTS"] == "0"

    namespace.let_go()
    namespace.wait_for("Failed")
    header, row = namespace.run("get", "jj", "--output=wide").splitlines()
    assert columns_of(header) == WIDE
    cells = cells_of(header, row)
    assert cells["STATE"] == "Failed"
    assert cells["CAUSE"] == cells["REASON"] == "ProgramError"
    assert "process 1 (job-a0-s0-1) raised ValueError: bad batch" in cells["MESSAGE"]

    assert namespace.events() == ["Running", "Failed"]
    told = namespace.run("describe", "jaxjob", "job").partition("Events:")[2].splitlines()
    told = [" ".join(line.split()) for line in told if "jax-operator" in line]
    assert len(told) == 2, told
    # kubectl orders by whole seconds.
    running, failed = sorted(told)
    assert running.startswith("Normal Running")
    assert "all 2 processes run; started in " in running
    assert failed.startswith("Warning Failed")
    assert "raised ValueError: bad batch" in failed

    done = jaxop(deployment, "explain", "jaxjob", "job", f"--namespace={namespace.name}")
    assert done.returncode == 1, done.stderr
    said = done.stdout
    assert "Failed" in said.splitlines()[0]
    assert "ProgramError" in said
    assert "raised ValueError: bad batch" in " ".join(said.split())
    states = ["Scheduling", "WaitingForPeers", "Compiling", "Running", "Failed"]
    timeline = said.partition("Timeline")[2].partition("\n\n")[0].splitlines()[1:]
    assert [line.split()[1] for line in timeline] == states, said
    assert f"kubectl logs -n {namespace.name}" in " ".join(said.split())


def cells_of(header: str, row: str) -> dict[str, str]:
    """kubectl's table: each column begins where its name does."""
    starts = [name.start() for name in NAME.finditer(header)]
    ends: list[int | None] = [*starts[1:], None]
    cells = [row[a:b].strip() for a, b in zip(starts, ends, strict=True)]
    return dict(zip(columns_of(header), cells, strict=True))


def columns_of(header: str) -> list[str]:
    return [name.group() for name in NAME.finditer(header)]


def jaxop(deployment: Deployment, *args: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name("jaxop")
    env = {**os.environ, "KUBECONFIG": str(deployment.cluster.kubeconfig)}
    return subprocess.run([str(program), *args], capture_output=True, text=True, env=env)
