"""What launchers say -> views: the answer of /status, and the termination message.

What runs in a pod is a stranger's: nothing here raises, and what makes no sense is absent.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from jaxop.api.v1alpha1.cause import Cause as CauseName
from jaxop.api.v1alpha1.jaxjob_status import Goodput, RestartLedger, SameFailure
from jaxop.domain import contract
from jaxop.domain.jaxjob.failures.restart_policy import MAX_CHARGES
from jaxop.domain.jaxjob.reading import compilation_reading
from jaxop.domain.jaxjob.views import (
    Cause,
    EpochEnd,
    GangReport,
    GangTimes,
    LastWords,
    StopRequest,
)
from jaxop.domain.json_values import mapping, mappings, moment, seconds, text, whole

MAX_MISSING: Final = 4096
MAX_RESTARTS: Final = 64

_CAUSES: Final[tuple[CauseName, ...]] = get_args(CauseName)
_GOODPUT: Final = tuple(name for name in Goodput.model_fields if name.endswith("_seconds"))


def read_report(raw: object) -> GangReport | None:
    """The answer of /status; None where it is not one that this operator understands."""
    body = mapping(raw)
    attempt, processes = whole(body.get("attempt")), whole(body.get("numProcesses"))
    state = body.get("state")
    if body.get("version") != contract.VERSION or attempt is None or processes is None:
        return None
    if state not in contract.GANG_STATES:
        return None
    missing = body.get("missing")
    numbers = missing[:MAX_MISSING] if isinstance(missing, list) else []
    return GangReport(
        attempt=attempt,
        epoch=whole(body.get("epoch")) or 0,
        num_processes=processes,
        state=text(state),
        joined=whole(body.get("joined")) or 0,
        missing=tuple(n for n in map(whole, numbers) if n is not None),
        step=whole(body.get("step")),
        checkpoint_step=whole(body.get("checkpointStep")),
        compile_seconds=seconds(mapping(body.get("compile")).get("seconds")) or 0.0,
        times=_read_times(body.get("times")),
        stop=_read_stop(body.get("stop")),
        ledger=read_ledger(body.get("ledger")),
        restarts=tuple(_read_restarts(body.get("restarts"))),
        goodput=read_goodput(body.get("goodput")),
        compilation=compilation_reading.read_status(body),
        cause=read_cause(body.get("cause")),
    )


def read_last_words(message: str) -> LastWords | None:
    """A container's termination message; None where no launcher wrote it."""
    body = _record(message)
    if body.get("version") != contract.VERSION:
        return None
    return LastWords(
        ended=body.get("scope") != "Pod",
        cause=read_cause(body),
        step=whole(body.get("step")),
        checkpoint_step=whole(body.get("checkpointStep")),
        ledger=read_ledger(body.get("ledger")),
        goodput=read_goodput(body.get("goodput")),
        epoch=whole(body.get("epoch")) or 0,
        compilation=compilation_reading.read_record(body),
        compile_seconds=seconds(body.get("compileSeconds")) or 0.0,
        times=_read_times(body.get("times")),
    )


def read_cause(raw: object) -> Cause | None:
    body = mapping(raw)
    cause = body.get("cause")
    if cause not in contract.CAUSES:
        return None
    exception = mapping(body.get("exception"))
    return Cause(
        cause=text(cause),
        message=text(body.get("message")),
        process=whole(body.get("process")),
        host=text(body.get("host")) or None,
        exit_code=whole(body.get("exitCode")),
        signal=whole(body.get("signal")),
        exception_type=text(exception.get("type")) or None,
        exception_message=text(exception.get("message")) or None,
        step=whole(body.get("step")),
        checkpoint_step=whole(body.get("checkpointStep")),
        time=moment(body.get("time")),
        by_launcher=True,
    )


def read_ledger(raw: object) -> RestartLedger | None:
    body = mapping(raw)
    restarts = whole(body.get("restarts"))
    if restarts is None:
        return None
    said = body.get("charges")
    charges = {whole(charge) for charge in said} if isinstance(said, list) else set()
    last = mapping(body.get("last"))
    cause, repeats = last.get("cause"), whole(last.get("repeats"))
    known = next((name for name in _CAUSES if name == cause), None)
    return RestartLedger(
        restarts=restarts,
        charges=tuple(sorted(c for c in charges if c is not None))[-MAX_CHARGES:],
        last=SameFailure(cause=known, step=whole(last.get("step")), repeats=max(1, repeats or 1))
        if known is not None
        else None,
    )


def read_goodput(raw: object) -> Goodput | None:
    """Seconds only: the percentage is the operator's to work out."""
    body = mapping(raw)
    if not body:
        return None
    names = {name: to_camel(name) for name in _GOODPUT}
    told = {name: seconds(body.get(alias)) for name, alias in names.items()}
    try:
        return Goodput.model_validate({n: v for n, v in told.items() if v is not None})
    except ValidationError:
        return None


def _read_times(raw: object) -> GangTimes:
    times = mapping(raw)
    return GangTimes(
        launcher_started=moment(times.get("launcherStarted")),
        all_joined=moment(times.get("allJoined")),
        spawned=moment(times.get("spawned")),
        initialised=moment(times.get("initialised")),
        first_compile=moment(times.get("firstCompile")),
        first_step=moment(times.get("firstStep")),
        finished=moment(times.get("finished")),
    )


def _read_stop(raw: object) -> StopRequest | None:
    body = mapping(raw)
    process = whole(body.get("process"))
    if process is None:
        return None
    return StopRequest(
        process=process,
        host=text(body.get("host")),
        signal=whole(body.get("signal")) or 0,
        time=moment(body.get("time")),
    )


def _read_restarts(raw: object) -> list[EpochEnd]:
    ends = []
    for body in mappings(raw)[-MAX_RESTARTS:]:
        cause, epoch = read_cause(body), whole(body.get("epoch"))
        if cause is not None and epoch is not None:
            ends.append(
                EpochEnd(
                    epoch=epoch,
                    cause=cause,
                    retry_at=moment(body.get("retryAt")),
                    spawned=moment(body.get("spawned")),
                )
            )
    return sorted(ends, key=lambda end: end.epoch)


def _record(message: str) -> Mapping[str, Any]:
    if not message.startswith("{"):
        return {}
    try:
        return mapping(json.loads(message))
    except (ValueError, RecursionError):
        return {}
