"""Why a gang failed: the first death that is not a consequence of another, and its name.

Pure. The rules are the table in docs/jaxrun.md, in the same order.
"""

import re
import signal as signals
from collections.abc import Sequence

from jaxrun.contract import Cause
from jaxrun.evidence import Death, ExceptionReport, How, MemoryEvidence, StopRequest, Verdict

EXIT_PEER_LOST = 75
"""EX_TEMPFAIL of sysexits.h: no program's exit code is known, and trying again may help."""
EXIT_MISMATCH = 69
"""EX_UNAVAILABLE: the devices or versions that were asked for are not there."""
EXIT_REFUSED = 78
"""EX_CONFIG: the gang does not know this launcher."""
EXIT_DEADLINE = 124
"""What timeout(1) exits with."""

# How JAX's runtime, gloo and NCCL word it when it was the other side that went away.
_PEER_WORDS = re.compile(
    r"connection (?:closed|reset|refused|aborted)|broken pipe|socket closed|peer (?:closed|reset)"
    r"|by peer|remote process exited|unhandled system error.*remote|remote error"
    r"|coordination service|another task|other tasks?|task .* (?:died|heartbeat|disconnect)"
    r"|heartbeat timeout|barrier.*(?:timed out|failed|cancel)|shutdown barrier"
    r"|failed to connect to all addresses|connecttohost|\bUNAVAILABLE\b"
    r"|gloo.*(?:timed out|timeout)|DEADLINE_EXCEEDED",
    re.IGNORECASE | re.DOTALL,
)
_RUNTIME_ERRORS = frozenset({"JaxRuntimeError", "XlaRuntimeError"})
# JAX turns some errors of its runtime into ValueError, keeping the status code in front.
_STATUS_CODE = re.compile(
    r"(?:CANCELLED|UNKNOWN|INVALID_ARGUMENT|DEADLINE_EXCEEDED|NOT_FOUND|ALREADY_EXISTS"
    r"|PERMISSION_DENIED|RESOURCE_EXHAUSTED|FAILED_PRECONDITION|ABORTED|OUT_OF_RANGE"
    r"|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS): "
)
_COMPILE_WORDS = re.compile(
    r"mosaic failed|failed to compile|compilation failure|during compilation|compile permanent"
    r"|ptxas|error: failed to legalize|LLVM (?:ERROR|compil)",
    re.IGNORECASE,
)


def is_consequence(death: Death) -> bool:
    """Whether this death looks as a peer's death makes it look: a broken collective, or an abort.

    JAX's coordination client ends the process with SIGABRT when the service or a peer is gone.
    """
    if death.exception is not None:
        network = "ConnectionError" in death.exception.bases
        peer = _PEER_WORDS.search(death.exception.message) is not None
        return network or (peer and _is_of_the_runtime(death.exception))
    return death.signal == signals.SIGABRT or death.exit_code == 128 + signals.SIGABRT


def first_cause(deaths: Sequence[Death]) -> Death:
    """Of deaths in order of arrival, the first that is not a consequence; else the first."""
    return next((death for death in deaths if not is_consequence(death)), deaths[0])


def verdict_of(death: Death, epoch: int) -> Verdict:
    """What to tell of the death that ended an epoch."""
    cause, sentence = _classified(death)
    return Verdict(
        cause=cause,
        exit_code=_exit_code(death),
        message=f"process {death.process} ({death.host}) {sentence}",
        epoch=epoch,
        process=death.process,
        host=death.host,
        signal=death.signal,
        exception=death.exception,
        step=death.step,
    )


def preempted(
    request: StopRequest, epoch: int, step: int | None, killed: Sequence[int], death: Death | None
) -> Verdict:
    """What to tell when somebody from outside asked a launcher to stop.

    `killed` are the processes that had to be killed when the grace was over.
    """
    at = f" at step {step}" if step is not None else ""
    if death is not None and death.exception is not None:
        after = f"; while stopping, process {death.process} raised {_shown(death.exception)}"
    elif killed:
        names = ", ".join(str(process) for process in killed)
        after = (
            f"; process {names} did not stop in its grace and was killed: use "
            "jaxrun.should_stop() or JAX's reached_preemption_sync_point in the training loop"
        )
    else:
        after = f"; the program stopped{at}"
    name = signals.Signals(request.signal).name
    return Verdict(
        cause=Cause.PREEMPTED,
        exit_code=128 + request.signal,
        message=f"process {request.process} ({request.host}) was asked to stop ({name}): its pod "
        f"was deleted, drained or preempted{after}",
        epoch=epoch,
        process=request.process,
        host=request.host,
        signal=request.signal,
        exception=death.exception if death is not None else None,
        step=step,
    )


def asked_while_idle(
    request: StopRequest, epoch: int, missing: Sequence[int], step: int | None
) -> Verdict:
    """What a launcher has to tell that was asked to stop while no program ran."""
    name = signals.Signals(request.signal).name
    others = [str(process) for process in missing if process != request.process]
    when = f"while waiting for process {', '.join(others)}" if others else "between two epochs"
    return Verdict(
        cause=Cause.PREEMPTED,
        exit_code=128 + request.signal,
        message=f"process {request.process} ({request.host}) was asked to stop ({name}) {when}",
        epoch=epoch,
        process=request.process,
        host=request.host,
        signal=request.signal,
        step=step,
    )


def _classified(death: Death) -> tuple[Cause, str]:
    if death.how is How.LOST:
        return Cause.PEER_LOST, f"was lost: {death.detail}"
    if death.how is How.STUCK:
        return Cause.DEADLINE, f"did not reach jax.distributed.initialize: {death.detail}"
    if death.how is How.MISMATCH:
        return Cause.DEVICE_MISMATCH, death.detail
    if death.how is How.LEFT:
        return Cause.PROGRAM_ERROR, f"exited 0 while the others go on: {death.detail}"
    killed = death.signal == signals.SIGKILL or death.exit_code == 128 + signals.SIGKILL
    if killed and death.memory is not None and death.memory.oom_kills > 0:
        return Cause.HOST_OUT_OF_MEMORY, _memory_sentence(death.memory)
    if death.exception is not None:
        return _exception_cause(death), f"raised {_shown(death.exception)}"
    if death.signal is not None:
        return Cause.PROGRAM_ERROR, _signal_sentence(death)
    if death.exit_code == 127:
        return Cause.PROGRAM_ERROR, death.detail or "exited with code 127: command not found"
    sentence = f"exited with code {death.exit_code}"
    if death.memory is not None and death.memory.oom_kills > 0:
        sentence += " after the kernel had killed one of its children for memory"
    return Cause.PROGRAM_ERROR, sentence + (f": {death.detail}" if death.detail else "")


def _exception_cause(death: Death) -> Cause:
    exception = death.exception
    assert exception is not None
    if is_consequence(death):
        return Cause.PEER_LOST
    if _is_of_the_runtime(exception):
        if "RESOURCE_EXHAUSTED" in exception.message:
            return Cause.DEVICE_OUT_OF_MEMORY
        if exception.compiling or _COMPILE_WORDS.search(exception.message):
            return Cause.COMPILE_FAILED
    names = {exception.type, *exception.bases}
    if "FloatingPointError" in names:
        return Cause.NUMERICAL_ERROR
    if "MemoryError" in names:
        return Cause.HOST_OUT_OF_MEMORY
    return Cause.PROGRAM_ERROR


def _is_of_the_runtime(exception: ExceptionReport) -> bool:
    if _RUNTIME_ERRORS & {exception.type, *exception.bases}:
        return True
    return exception.type in ("ValueError", "RuntimeError") and (
        _STATUS_CODE.match(exception.message) is not None
    )


def _exit_code(death: Death) -> int:
    if death.how is How.LOST:
        return EXIT_PEER_LOST
    if death.how is How.STUCK:
        return EXIT_DEADLINE
    if death.how is How.MISMATCH:
        return EXIT_MISMATCH
    if death.signal is not None:
        return 128 + death.signal
    return death.exit_code or 1


def _signal_sentence(death: Death) -> str:
    assert death.signal is not None
    try:
        name = signals.Signals(death.signal).name
    except ValueError:
        name = f"signal {death.signal}"
    if death.signal == signals.SIGKILL:
        return (
            "was killed by SIGKILL, and its memory cgroup counts no out-of-memory kill: "
            "something outside the program did it"
        )
    if death.signal == signals.SIGABRT:
        return "was ended by SIGABRT: it aborted itself, its log says why"
    return f"was ended by {name}"


def _memory_sentence(memory: MemoryEvidence) -> str:
    limit = f" of {_mebibytes(memory.limit_bytes)}" if memory.limit_bytes else ""
    peak = f" (peak {_mebibytes(memory.peak_bytes)})" if memory.peak_bytes else ""
    return (
        f"was killed by the kernel: it reached the container's memory limit{limit}{peak}; "
        "raise the limit or load less into host memory"
    )


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"


def _shown(exception: ExceptionReport) -> str:
    message = " ".join(exception.message.split())
    if len(message) > 300:
        message = message[:300] + "..."
    where = f" ({exception.where})" if exception.where else ""
    return f"{exception.type}: {message}{where}" if message else f"{exception.type}{where}"
