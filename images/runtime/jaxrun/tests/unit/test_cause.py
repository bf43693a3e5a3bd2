"""From evidence to cause: the table of docs/jaxrun.md."""

import signal

import pytest
from builders import exited, raised, signalled

from jaxrun import cause
from jaxrun.contract import Cause
from jaxrun.evidence import Death, How, MemoryEvidence, StopRequest

GLOO = (
    "UNKNOWN: Gloo all-reduce failed: [external/gloo/gloo/transport/tcp/pair.cc:547] "
    "Connection closed by peer [127.0.0.1]:2444"
)
OOM = MemoryEvidence(oom_kills=1, limit_bytes=512 << 20, peak_bytes=512 << 20)
NO_OOM = MemoryEvidence(oom_kills=0, limit_bytes=512 << 20, peak_bytes=100 << 20)


@pytest.mark.parametrize(
    ("death", "expected", "code", "says"),
    [
        (exited(3), Cause.PROGRAM_ERROR, 3, "exited with code 3"),
        (exited(127, detail="command not found: x"), Cause.PROGRAM_ERROR, 127, "not found: x"),
        (raised("ValueError", "bad"), Cause.PROGRAM_ERROR, 1, "raised ValueError: bad"),
        (raised("KeyError", ""), Cause.PROGRAM_ERROR, 1, "raised KeyError"),
        (signalled(signal.SIGSEGV), Cause.PROGRAM_ERROR, 139, "SIGSEGV"),
        (signalled(signal.SIGABRT), Cause.PROGRAM_ERROR, 134, "aborted itself"),
        (signalled(64), Cause.PROGRAM_ERROR, 192, "SIGRTMAX"),
        (signalled(50), Cause.PROGRAM_ERROR, 178, "signal 50"),
        (signalled(9, memory=OOM), Cause.HOST_OUT_OF_MEMORY, 137, "limit of 512 MiB"),
        (exited(137, memory=OOM), Cause.HOST_OUT_OF_MEMORY, 137, "limit of 512 MiB"),
        (signalled(9, memory=NO_OOM), Cause.PROGRAM_ERROR, 137, "no out-of-memory kill"),
        (signalled(9), Cause.PROGRAM_ERROR, 137, "SIGKILL"),
        (exited(1, memory=OOM), Cause.PROGRAM_ERROR, 1, "one of its children for memory"),
        (
            raised("JaxRuntimeError", "RESOURCE_EXHAUSTED: Out of memory", 1, "RuntimeError"),
            Cause.DEVICE_OUT_OF_MEMORY,
            1,
            "RESOURCE_EXHAUSTED",
        ),
        (raised("FloatingPointError", "nan"), Cause.NUMERICAL_ERROR, 1, "nan"),
        (raised("_ArrayMemoryError", "", 1, "MemoryError"), Cause.HOST_OUT_OF_MEMORY, 1, ""),
        (
            raised("JaxRuntimeError", "INTERNAL: Mosaic failed to compile TPU kernel"),
            Cause.COMPILE_FAILED,
            1,
            "Mosaic",
        ),
        (raised("JaxRuntimeError", "INTERNAL: x", compiling=True), Cause.COMPILE_FAILED, 1, ""),
        (raised("ValueError", "x", compiling=True), Cause.PROGRAM_ERROR, 1, ""),
        (raised("ValueError", GLOO), Cause.PEER_LOST, 1, "Gloo all-reduce failed"),
        (
            Death(1, "h", How.LOST, detail="no heartbeat for 10.0 s"),
            Cause.PEER_LOST,
            75,
            "no heartbeat",
        ),
        (Death(1, "h", How.STUCK, detail="why"), Cause.DEADLINE, 124, "did not reach"),
        (Death(1, "h", How.LEFT, exit_code=1, detail="why"), Cause.PROGRAM_ERROR, 1, "exited 0"),
    ],
)
def test_classification(death: Death, expected: Cause, code: int, says: str) -> None:
    verdict = cause.verdict_of(death, epoch=1)
    assert verdict.cause is expected
    assert verdict.exit_code == code
    assert says in verdict.message
    assert verdict.process == death.process


@pytest.mark.parametrize(
    "death",
    [
        signalled(signal.SIGABRT),
        exited(134),
        raised("ValueError", GLOO),
        raised("JaxRuntimeError", "UNAVAILABLE: failed to connect to all addresses"),
        raised("JaxRuntimeError", "DEADLINE_EXCEEDED: Barrier timed out"),
        raised("JaxRuntimeError", "INTERNAL: NCCL operation failed: remote process exited or ..."),
        raised("ConnectionResetError", "", 1, "ConnectionError", "OSError"),
    ],
)
def test_what_a_peers_death_looks_like(death: Death) -> None:
    assert cause.is_consequence(death)


@pytest.mark.parametrize(
    "death",
    [
        exited(1),
        exited(3),
        signalled(9),
        signalled(11),
        raised("ValueError", "connection reset"),
        raised("ValueError", "heartbeat timeout of the sensor"),
        raised("JaxRuntimeError", "RESOURCE_EXHAUSTED: Out of memory"),
        Death(1, "h", How.LOST, detail="closed"),
    ],
)
def test_what_stands_for_itself(death: Death) -> None:
    assert not cause.is_consequence(death)


def test_the_first_death_that_is_no_echo_is_the_cause() -> None:
    abort, echo = signalled(signal.SIGABRT, 0), raised("ValueError", GLOO, 2)
    real, later = exited(3, 1), signalled(9, 3)
    assert cause.first_cause([abort, echo, real, later]) is real
    assert cause.first_cause([abort, echo]) is abort


def test_preemption_says_who_what_and_how_it_ended() -> None:
    request = StopRequest(1, "h1", signal.SIGTERM)
    well = cause.preempted(request, 1, 17, (), None)
    assert (well.cause, well.exit_code, well.process) == (Cause.PREEMPTED, 143, 1)
    assert "stopped at step 17" in well.message
    assert "should_stop" in cause.preempted(request, 1, 17, [0], None).message
    failed = cause.preempted(request, 1, 17, (), raised("OSError", "disk full"))
    assert "raised OSError: disk full" in failed.message


def test_long_messages_are_cut_in_the_sentence() -> None:
    verdict = cause.verdict_of(raised("ValueError", "x" * 5000), 1)
    assert len(verdict.message) < 500
