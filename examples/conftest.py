import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DEADLINE_SECONDS = 240


@dataclass
class Run:
    """The processes of one world; `wait` gives their exit codes, `text` what process 0 said.

    Standard error has a file of its own beside each log: JAX's C++ writes there in pieces, in the
    middle of any line.
    """

    processes: list[subprocess.Popen[bytes]]
    logs: list[Path]

    def wait(self) -> list[int]:
        return [process.wait(DEADLINE_SECONDS) for process in self.processes]

    @property
    def text(self) -> str:
        return self.logs[0].read_text()

    @property
    def errors(self) -> str:
        """What process 0 wrote to standard error."""
        return errors_of(self.logs[0]).read_text()

    @property
    def result(self) -> dict[str, Any]:
        line = re.search(r"^result: (.*)$", self.text, re.M)
        files = [file for log in self.logs for file in (log, errors_of(log))]
        assert line, "\n".join(f"{file.name}: {file.read_text()}" for file in files)
        return json.loads(line[1])

    @property
    def losses(self) -> dict[int, str]:
        return {int(s): loss for s, loss in re.findall(r"^step (\d+) loss (.*)$", self.text, re.M)}


@pytest.fixture
def launch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """`launch("--steps", "9", processes=2)` starts the example beside whose tests it is used.

    `example` names another one.
    """
    own = request.path.parent.parent
    runs: list[Run] = []

    def start(*arguments: str, processes: int = 1, example: str = own.name) -> Run:
        address = f"127.0.0.1:{free_port()}"
        run = Run([], [])
        runs.append(run)
        for rank in range(processes):
            log = tmp_path / f"run{len(runs)}-process{rank}.log"
            run.logs.append(log)
            with log.open("wb") as output, errors_of(log).open("wb") as errors:
                run.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-u", "-m", example, *arguments],
                        cwd=own.parent / example,
                        env=os.environ | (world(address, processes, rank) if processes > 1 else {}),
                        stdout=output,
                        stderr=errors,
                    )
                )
        return run

    yield start
    for run in runs:
        for process in run.processes:
            process.kill()
            process.wait()


def errors_of(log: Path) -> Path:
    return log.with_suffix(".err")


def world(address: str, processes: int, rank: int) -> dict[str, str]:
    """What a launcher gives its processes, so that JAX joins them without being told more."""
    return {
        "JAX_COORDINATOR_ADDRESS": address,
        "OMPI_MCA_orte_hnp_uri": f"1.0;tcp://{address}",
        "OMPI_COMM_WORLD_SIZE": str(processes),
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_LOCAL_RANK": "0",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
