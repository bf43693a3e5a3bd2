"""What `jaxop explain` prints: the story, the cause, and what to do next."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click
from jaxop.api.v1alpha1 import JaxJob
from jaxop.api.v1alpha1.cause import Cause
from jaxop.api.v1alpha1.jaxjob_status import State
from jaxop.cli.advice import FOR_CAUSE, FOR_REASON, advice
from jaxop.cli.explain import explain, is_in_trouble
from jaxop.cli.fetch import EventLine, Known
from jaxop.domain.jaxjob.standing import reasons
from jaxop.domain.jaxjob.views import ContainerEnd, ContainerWaiting, PodView

NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)
STATUS_PAGE = Path(__file__).parents[4] / "docs" / "status.md"


def a_jaxjob(**status: Any) -> JaxJob:
    return JaxJob.model_validate(
        {
            "metadata": {"name": "digits", "namespace": "ml", "uid": "u"},
            "spec": {"accelerator": {"class": "cpu", "hosts": 2}, "template": {}},
            "status": status,
        }
    )


def at(clock: str) -> str:
    return f"2026-11-21T{clock}.000000Z"


FAILED = a_jaxjob(
    state="Failed",
    reason="ProgramError",
    message="process 1 (digits-a1-s0-1) raised ValueError: bad batch (all 1 restarts are used)",
    accelerator="cpu 2",
    hosts={"wanted": 2, "ready": 0, "summary": "0/2"},
    step=120,
    restarts=1,
    attempt=1,
    startTime="2026-11-21T12:00:00Z",
    completionTime="2026-11-21T12:05:00Z",
    failure={
        "cause": "ProgramError",
        "process": 1,
        "host": "digits-a1-s0-1",
        "exitCode": 1,
        "exception": "ValueError",
        "message": "process 1 (digits-a1-s0-1) raised ValueError: bad batch",
        "time": "2026-11-21T12:05:00Z",
    },
    startup={"scheduleSeconds": 4.0, "joinSeconds": 0.5, "compileSeconds": 11.5},
    timeline=[
        {"state": "Scheduling", "reason": "CreatingPods", "attempt": 0, "time": at("12:00:00")},
        {"state": "Running", "reason": "ProgramRunning", "attempt": 0, "time": at("12:00:16")},
        {"state": "Restarting", "reason": "ProgramError", "attempt": 1, "time": at("12:03:00")},
        {"state": "Running", "reason": "ProgramRunning", "attempt": 1, "time": at("12:03:20")},
        {"state": "Failed", "reason": "ProgramError", "attempt": 1, "time": at("12:05:00")},
    ],
    conditions=[
        {
            "type": "Stalled",
            "status": "True",
            "reason": "ProgramError",
            "lastTransitionTime": "2026-11-21T12:05:00Z",
        }
    ],
)
ENDED = ContainerEnd("jax", 1)
PODS = (
    PodView("digits-a1-s0-0-abcde", "1", 1, 0, 0, "Succeeded", node="node-1"),
    PodView(
        "digits-a1-s0-1-fghij",
        "2",
        1,
        0,
        1,
        "Failed",
        node="node-2",
        ends=(ContainerEnd("jax", 1),),
    ),
)
EVENTS = (
    EventLine("2026-11-21T12:00:16Z", "Normal", "Running", "all 2 processes run", 1),
    EventLine("2026-11-21T12:05:00Z", "Warning", "Failed", "process 1 raised", 2),
)


def told(known: Known, width: int = 100) -> str:
    return click.unstyle("\n".join(explain(known, NOW, width)))


def test_a_failed_job_whole() -> None:
    assert told(Known(FAILED, PODS, EVENTS)) == (
        """\
ml/digits  Failed  cpu 2, 0/2 hosts ready, step 120, 1 restart
  ProgramError: process 1 (digits-a1-s0-1) raised ValueError: bad batch (all 1 restarts are used)
  after 5m00s
  -> The program ended by itself. Read its last lines: kubectl logs -n ml digits-a1-s0-1-fghij -c
     jax

Why it failed
  ProgramError  process 1, digits-a1-s0-1, ValueError, exit code 1, 12:05:00

Timeline (UTC, from 2026-11-21 12:00:00)
  12:00:00  Scheduling          16.0s  CreatingPods           attempt 0
  12:00:16  Running             2m44s  ProgramRunning
  12:03:00  Restarting          20.0s  ProgramError           attempt 1
  12:03:20  Running             1m40s  ProgramRunning
  12:05:00  Failed                     ProgramError

1 restart
  when      cause              process  exit  how       back after  lost
  12:03:00  ProgramError                      new pods       20.0s

Start of attempt 1: 16.0s
  schedule        4.0s  ######
  join            0.5s  #
  compile        11.5s  #################

Pods of attempt 1
  digits-a1-s0-0-abcde  Succeeded  node-1
  digits-a1-s0-1-fghij  Failed     node-2               jax: exit code 1

Events
  12:00:16  Running: all 2 processes run
  12:05:00  Failed (x2): process 1 raised"""
    )
    assert is_in_trouble(FAILED.status)


def test_a_job_that_the_operator_has_not_seen() -> None:
    assert told(Known(a_jaxjob())) == (
        "ml/digits  Pending  \n  The operator has not looked at it yet: does it run?"
    )


def test_nothing_is_wider_than_the_terminal() -> None:
    text = told(Known(FAILED, PODS, EVENTS), width=72)
    assert max(map(len, text.splitlines())) <= 80


def test_of_many_pods_those_in_trouble_are_shown() -> None:
    pods = [PodView(f"digits-a0-s0-{i}", str(i), 0, 0, i, "Running") for i in range(100)]
    pods[77] = PodView(
        "digits-a0-s0-77",
        "77",
        0,
        0,
        77,
        waiting=(ContainerWaiting("jax", "i:1", "ErrImagePull"),),
    )
    text = told(Known(a_jaxjob(state="Scheduling", reason="x", message="y"), tuple(pods)))
    assert "digits-a0-s0-77  Pending    -                    jax: ErrImagePull" in text
    assert text.endswith("and 84 more")


def test_a_running_job_says_for_how_long() -> None:
    entry = {"state": "Running", "reason": "ProgramRunning", "attempt": 0, "time": at("12:00:00")}
    job = a_jaxjob(state="Running", reason="ProgramRunning", message="it runs", timeline=[entry])
    assert "\n  for 10m00s\n" in told(Known(job))
    assert not is_in_trouble(job.status)


class TestAdvice:
    def test_every_cause_and_every_reason_has_some(self) -> None:
        assert set(FOR_CAUSE) == set(get_args(Cause))
        words = {v for n, v in vars(reasons).items() if n.isupper() and isinstance(v, str)}
        assert words - set(get_args(Cause)) <= set(FOR_REASON)

    def test_every_placeholder_is_filled(self) -> None:
        for reason in [*FOR_CAUSE, *FOR_REASON]:
            said = advice(reason, name="digits", namespace="ml", logs="kubectl logs x")
            assert not re.search(r"\{(name|namespace|logs)\}", said)
        assert "kubectl logs x" in advice(
            "ProgramError", name="", namespace="", logs="kubectl logs x"
        )
        assert "collects logs" in advice("ProgramError", name="", namespace="", logs="")
        resume = advice("Suspended", name="digits", namespace="ml", logs="")
        assert '{"spec":{"suspend":false}}' in resume


class TestTheStatusPage:
    """docs/status.md has every word that a status can hold."""

    def table(self, heading: str) -> set[str]:
        page = STATUS_PAGE.read_text()
        section = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
        return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))

    def test_states(self) -> None:
        assert self.table("States") == set(get_args(State))

    def test_reasons(self) -> None:
        told = self.table("Reasons")
        assert set(FOR_REASON) <= told <= set(FOR_REASON) | set(get_args(Cause))

    def test_causes(self) -> None:
        assert self.table("Causes") == set(get_args(Cause))
