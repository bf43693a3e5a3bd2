"""Starts N real launchers on this machine, as N pods would be, and sees how they end."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ports import free_ports

from jaxrun.supervisor import descendants

_EPOCHS = 8
"""As many coordinator ports."""
_OF_THE_POD = ("cache", "compileSeconds", "firstStepSeconds", "times")
PROGRAM = Path(__file__).with_name("program.py")
PATIENT = {
    "JAXRUN_HEARTBEAT_SECONDS": "0.4",
    "JAXRUN_HEARTBEAT_TIMEOUT_SECONDS": "30",
    "JAXRUN_GRACE_SECONDS": "60",
    "JAXRUN_EXIT_GRACE_SECONDS": "60",
    "JAXRUN_BARRIER_GRACE_SECONDS": "60",
    "JAXRUN_START_TIMEOUT_SECONDS": "200",
}
"""A busy machine ends no gang: a test that is about one of these says so."""


@dataclass
class Launched:
    """One launcher and what became of it."""

    process: subprocess.Popen[bytes]
    directory: Path
    http_port: int
    exit_code: int | None = None
    ended_at: float | None = None
    waiter: threading.Thread | None = None

    @property
    def termination(self) -> dict[str, Any]:
        text = (self.directory / "termination").read_text()
        record: dict[str, Any] = json.loads(text) if text else {}
        return record

    @property
    def verdict(self) -> dict[str, Any]:
        """The part of the termination message that is the gang's, and the same in all pods."""
        return {k: v for k, v in self.termination.items() if k not in _OF_THE_POD}

    @property
    def out(self) -> str:
        """What it and its program wrote. Standard output comes first, and whole: into one file
        with it JAX's C++ writes its errors in pieces, in the middle of any line."""
        texts = ((self.directory / name).read_text(errors="replace") for name in ("out", "err"))
        return "\n".join(texts)

    def page(self, name: str) -> str:
        url = f"http://127.0.0.1:{self.http_port}/{name}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            body: bytes = answer.read()
        return body.decode()

    def status(self) -> dict[str, Any]:
        """Empty where nobody answers, or has been killed while he did."""
        try:
            state: dict[str, Any] = json.loads(self.page("status"))
        except (OSError, http.client.HTTPException):
            return {}
        return state


@dataclass
class RealGang:
    """N launchers; `start` one or all, `wait` for the end, `close` leaves nothing behind."""

    directory: Path
    size: int = 2
    environment: dict[str, str] = field(default_factory=dict)
    launchers: dict[int, Launched] = field(default_factory=dict)
    launcher_command: tuple[str, ...] = (sys.executable, "-m", "jaxrun")

    def __post_init__(self) -> None:
        ports = free_ports(1 + self.size + _EPOCHS)
        self._gang_port, *self._http_ports = ports[: 1 + self.size]
        self._coordinator_port = ports[-_EPOCHS]

    def start(
        self,
        command: Sequence[str],
        only: Sequence[int] | None = None,
        cgroups: dict[int, Path] | None = None,
        **environment: str,
    ) -> None:
        """Launch `command` in each process of the gang, or in some."""
        for index in only if only is not None else range(self.size):
            self._start_one(index, command, environment, (cgroups or {}).get(index))

    def start_program(self, action: str, actor: int = 1, steps: int = 100_000, **how: Any) -> None:
        """The JAX program of this directory, through the same Python."""
        self.start([sys.executable, str(PROGRAM), action, str(actor), str(steps)], **how)

    def wait(self, seconds: float = 180.0, only: Sequence[int] | None = None) -> None:
        """Until the launchers have ended; fails telling who has not, and what they said."""
        deadline = time.monotonic() + seconds
        chosen = list(self.launchers) if only is None else only
        for index in chosen:
            launched = self.launchers[index]
            assert launched.waiter is not None
            launched.waiter.join(max(deadline - time.monotonic(), 0.01))
        late = [index for index in chosen if self.launchers[index].exit_code is None]
        assert not late, f"launchers {late} still run after {seconds} s\n{self.outputs()}"

    def wait_for_step(self, step: int, seconds: float = 120.0) -> None:
        """Until process 0 shows at least this step."""
        self.wait_for(lambda: (self.launchers[0].status().get("step") or -1) >= step, seconds)

    def wait_for(self, condition: Any, seconds: float = 120.0) -> None:
        """Until the condition holds; fails with everything that was said."""
        deadline = time.monotonic() + seconds
        while not condition():
            ended = {i: x.exit_code for i, x in self.launchers.items() if x.exit_code is not None}
            assert time.monotonic() < deadline, (
                f"not so after {seconds} s; ended: {ended}\n{self.outputs()}"
            )
            time.sleep(0.02)

    def wait_for_output(self, pattern: str, index: int = 0) -> re.Match[str]:
        """Until this launcher or its program has written what matches.

        What a program prints may come in pieces: a pattern that ends within a line may match half
        of a number.
        """
        found: list[re.Match[str]] = []

        def written() -> bool:
            found.extend(re.finditer(pattern, self.launchers[index].out, re.MULTILINE))
            return bool(found)

        self.wait_for(written)
        return found[0]

    def signal(self, index: int, number: int) -> None:
        """To one launcher."""
        self.launchers[index].process.send_signal(number)

    @property
    def exit_codes(self) -> list[int | None]:
        return [self.launchers[index].exit_code for index in sorted(self.launchers)]

    @property
    def last_end(self) -> float:
        return max(launched.ended_at or 0.0 for launched in self.launchers.values())

    def outputs(self) -> str:
        """All that launchers and programs wrote."""
        return "\n".join(f"--- {i} ---\n{x.out}" for i, x in sorted(self.launchers.items()))

    def close(self) -> None:
        """Kill what still runs and everything below it."""
        for launched in self.launchers.values():
            if launched.exit_code is None:
                below = descendants(launched.process.pid)
                launched.process.send_signal(signal.SIGCONT)
                launched.process.kill()
                for pid in below:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        continue
            assert launched.waiter is not None
            launched.waiter.join(60)

    def _start_one(
        self, index: int, command: Sequence[str], environment: dict[str, str], cgroup: Path | None
    ) -> None:
        directory = self.directory / f"pod-{index}"
        directory.mkdir(exist_ok=True)
        (directory / "termination").write_text("")
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("JAX", "OMPI", "XLA"))},
            **PATIENT,
            "JAXRUN_JOB": "ml/digits",
            "JAXRUN_ATTEMPT": "0",
            "JAXRUN_NUM_PROCESSES": str(self.size),
            "JAXRUN_PROCESS_BASE": "0",
            "JAXRUN_HOSTS_PER_SLICE": str(self.size),
            "JOB_COMPLETION_INDEX": str(index),
            "JAXRUN_GANG_ADDRESS": "127.0.0.1",
            "JAXRUN_TOKEN": "the token of this test",
            "JAXRUN_PLATFORM": "cpu",
            "JAXRUN_HOST": f"digits-a0-s0-{index}",
            "JAXRUN_GANG_PORT": str(self._gang_port),
            "JAXRUN_HTTP_PORT": str(self._http_ports[index]),
            "JAXRUN_COORDINATOR_PORT_BASE": str(self._coordinator_port),
            "JAXRUN_COORDINATOR_PORT_COUNT": str(_EPOCHS),
            "JAXRUN_TERMINATION_LOG": str(directory / "termination"),
            "JAXRUN_RUNTIME_DIR": str(self.directory),
            "DIED_AT": str(self.directory / "died-at"),
            "JAX_PLATFORMS": "cpu",
            **self.environment,
            **environment,
        }
        line = [*self.launcher_command, "launch", "--", *command]
        if cgroup is not None:
            enter = f'echo $$ > {cgroup}/cgroup.procs && exec "$@"'
            line = ["sh", "-c", enter, "sh", *line]
        with (directory / "out").open("wb") as out, (directory / "err").open("wb") as err:
            process = subprocess.Popen(line, env=env, stdout=out, stderr=err, cwd=directory)
        launched = Launched(process, directory, self._http_ports[index])
        launched.waiter = threading.Thread(target=_wait, args=(launched,), daemon=True)
        launched.waiter.start()
        self.launchers[index] = launched


def _wait(launched: Launched) -> None:
    code = launched.process.wait()
    launched.ended_at = time.time()
    launched.exit_code = code
