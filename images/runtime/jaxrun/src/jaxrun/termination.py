"""The termination message: what Kubernetes keeps of a container after it is gone."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxrun import contract
from jaxrun.evidence import ExceptionReport, Verdict
from jaxrun.restart_policy import ledger_json


@dataclass(frozen=True)
class ProgramStart:
    """What starting the program cost this pod in its last epoch; `cache` and `times` are the
    contract's objects."""

    cache: Mapping[str, Any] | None = None
    compile_seconds: float | None = None
    first_step_seconds: float | None = None
    times: Mapping[str, float | None] | None = None

    @classmethod
    def told_by(cls, status: Mapping[str, Any]) -> "ProgramStart":
        """What the contract's `status` says of it."""
        return cls(
            status["cache"],
            status["compile"]["seconds"],
            status["firstStepSeconds"],
            status["times"],
        )


def termination_record(verdict: Verdict, start: ProgramStart = ProgramStart()) -> dict[str, Any]:
    """The contract's `termination` object."""
    return {
        "version": contract.VERSION,
        "scope": verdict.scope.value,
        "cause": verdict.cause.value if verdict.cause is not None else None,
        "process": verdict.process,
        "host": verdict.host,
        "exitCode": verdict.exit_code,
        "signal": verdict.signal,
        "exception": exception_json(verdict.exception),
        "message": verdict.message,
        "epoch": verdict.epoch,
        "step": verdict.step,
        "checkpointStep": verdict.checkpoint_step,
        "ledger": ledger_json(verdict.ledger),
        "goodput": {name: verdict.goodput.get(name, 0.0) for name in contract.GOODPUT},
        "time": verdict.time,
        "cache": dict(start.cache) if start.cache is not None else None,
        "compileSeconds": start.compile_seconds,
        "firstStepSeconds": start.first_step_seconds,
        "times": dict(start.times) if start.times is not None else None,
    }


def exception_json(exception: ExceptionReport | None) -> dict[str, str] | None:
    """The contract's `exception` object."""
    return {"type": exception.type, "message": exception.message} if exception else None


def termination_bytes(verdict: Verdict, start: ProgramStart = ProgramStart()) -> bytes:
    """At most 4096 bytes of JSON; the exception's message is cut first, then the sentence."""
    record = termination_record(verdict, start)
    while len(data := json.dumps(record).encode()) > contract.TERMINATION_LIMIT_BYTES:
        exception = record["exception"]
        if exception is not None and len(exception["message"]) > 100:
            exception["message"] = exception["message"][: len(exception["message"]) // 2]
        elif len(record["message"]) > 100:
            record["message"] = record["message"][: len(record["message"]) // 2]
        else:
            record = {**record, "exception": None, "host": None, "message": ""}
            record["ledger"]["charges"] = record["ledger"]["charges"][-32:]
            if record["cache"] is not None:
                record["cache"]["problem"] = None
                record["cache"]["neverKeptFunctions"] = []
    return data


def write_termination(
    path: str, verdict: Verdict, start: ProgramStart = ProgramStart()
) -> str | None:
    """Write it in place, as the kubelet mounts this very file; returns why it could not be."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            os.write(handle, termination_bytes(verdict, start))
        finally:
            os.close(handle)
    except OSError as error:
        return f"cannot write the termination message to {path}: {error.strerror}"
    return None
