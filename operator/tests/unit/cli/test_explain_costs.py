"""What `jaxop explain` says of restarts, of what is left of the budget, and of goodput."""

from datetime import UTC, datetime
from typing import Any, get_args

import click
import pytest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.cli.advice import FOR_VERDICT
from jaxop.cli.budget import budget, why_it_ended
from jaxop.cli.costs import goodput
from jaxop.cli.explain import explain
from jaxop.cli.fetch import Known
from jaxop.cli.wording import round_span, span
from jaxop.domain.jaxjob.failures.restart_policy import Reason
from jaxop.domain.jaxjob.views import PodView

NOW = datetime(2026, 11, 21, 12, 13, 14, tzinfo=UTC)


def at(clock: str) -> str:
    return f"2026-11-21T{clock}.000000Z"


def milliseconds(clock: str) -> int:
    return int(datetime.fromisoformat(f"2026-11-21T{clock}+00:00").timestamp() * 1000)


def a_jaxjob(policy: dict[str, Any] | None = None, **status: Any) -> JaxJob:
    return JaxJob.model_validate(
        {
            "metadata": {"name": "digits", "namespace": "ml", "uid": "u"},
            "spec": {
                "accelerator": {"class": "tpu-v5e", "topology": "4x4"},
                "template": {},
                "restartPolicy": policy or {},
            },
            "status": {"state": "Running", "reason": "ProgramRunning", "message": "m", **status},
        }
    )


def entry(clock: str, state: str, reason: str, attempt: int, **fields: Any) -> dict[str, Any]:
    return {"state": state, "reason": reason, "attempt": attempt, "time": at(clock), **fields}


FAILED_ONCE = {"process": 1, "exitCode": 3, "lostSteps": 6}
RESTARTED = a_jaxjob(
    message="all 4 processes run",
    accelerator="tpu-v5e 4x4",
    hosts={"wanted": 4, "ready": 4, "summary": "4/4"},
    step=1240,
    checkpointStep=1200,
    restarts=3,
    attempt=1,
    epoch=1,
    failure={
        "cause": "ProgramError",
        "process": 1,
        "host": "digits-a0-s0-1",
        "exitCode": 3,
        "exception": "ValueError",
        "step": 126,
        "lostSteps": 6,
        "message": "process 1 (digits-a0-s0-1) raised ValueError: bad batch (train.py:60)",
        "time": "2026-11-21T12:07:20Z",
    },
    restartLedger={
        "restarts": 3,
        "charges": [milliseconds("12:03:00"), milliseconds("12:07:20")],
        "last": {"cause": "ProgramError", "step": 126, "repeats": 2},
    },
    goodput={
        "schedulingSeconds": 4.2,
        "initialisationSeconds": 6.1,
        "compileSeconds": 72.3,
        "dataSeconds": 4.5,
        "checkpointSeconds": 3.1,
        "productiveSeconds": 645.2,
        "wastedSeconds": 31.0,
        "recoverySeconds": 22.4,
        "otherSeconds": 5.5,
        "percent": "81.2",
    },
    timeline=[
        entry("12:00:00", "Scheduling", "PodsStarting", 0),
        entry("12:00:04", "WaitingForPeers", "PeersMissing", 0),
        entry("12:00:05", "Compiling", "Initialising", 0, epoch=1),
        entry("12:01:10", "Running", "ProgramRunning", 0, epoch=1),
        entry("12:03:00", "Restarting", "ProgramError", 0, epoch=1, **FAILED_ONCE),
        entry("12:03:02", "Running", "ProgramRunning", 0, epoch=2),
        entry("12:05:00", "Restarting", "NodeLost", 0, epoch=2, process=3, lostSteps=1),
        entry("12:05:01", "WaitingForPeers", "PeersMissing", 0, epoch=2),
        entry("12:05:14", "Running", "ProgramRunning", 0, epoch=3),
        entry("12:07:20", "Restarting", "ProgramError", 1, **FAILED_ONCE),
        entry("12:08:44", "Running", "ProgramRunning", 1, epoch=1),
    ],
)


def told(jaxjob: JaxJob, width: int = 80) -> str:
    return click.unstyle("\n".join(explain(Known(jaxjob), NOW, width)))


def test_a_job_that_restarted_whole() -> None:
    assert told(RESTARTED) == (
        """\
ml/digits  Running
  tpu-v5e 4x4, 4/4 hosts ready, step 1240, checkpoint 1200, 3 restarts
  ProgramRunning: all 4 processes run
  for 4m30s

The last failure
  ProgramError  process 1, digits-a0-s0-1, ValueError, exit code 3, 12:07:20
  process 1 (digits-a0-s0-1) raised ValueError: bad batch (train.py:60)
  6 steps since the last checkpoint were lost
  -> The program ended by itself. Its pod is gone: read its last lines where
     your cluster collects logs.

Timeline (UTC, from 2026-11-21 12:00:00)
  12:00:00  Scheduling           4.0s  PodsStarting           attempt 0
  12:00:04  WaitingForPeers      1.0s  PeersMissing
  12:00:05  Compiling           1m05s  Initialising
  12:01:10  Running             1m50s  ProgramRunning
  12:03:00  Restarting           2.0s  ProgramError
  12:03:02  Running             1m58s  ProgramRunning         epoch 2
  12:05:00  Restarting           1.0s  NodeLost
  12:05:01  WaitingForPeers     13.0s  PeersMissing
  12:05:14  Running             2m06s  ProgramRunning         epoch 3
  12:07:20  Restarting          1m24s  ProgramError           attempt 1
  12:08:44  Running             4m30s  ProgramRunning

3 restarts
  when      cause              process  exit  how       back after  lost
  12:03:00  ProgramError             1     3  in place        2.0s  6 steps
  12:05:00  NodeLost                 3        in place       14.0s  1 step
  12:07:20  ProgramError             1     3  new pods       1m24s  6 steps

What the restart policy still allows
  2 of 3 restarts used in the last 24 h (3 in all).
  A third ProgramError in a row at step 126: the job ends, as that is the
  program's fault (SameFailure).

Goodput: 81.2 % of 13m14s so far
  productive       10m45s   81.2 %  ##########################
  compile           1m12s    9.1 %  ###
  wasted            31.0s    3.9 %  #
  recovery          22.4s    2.8 %  #
  initialisation     6.1s    0.8 %
  other              5.5s    0.7 %
  data               4.5s    0.6 %
  scheduling         4.2s    0.5 %
  checkpoint         3.1s    0.4 %"""
    )


@pytest.mark.parametrize("width", [80, 100, 120])
def test_nothing_of_it_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, told(RESTARTED, width).splitlines())) <= width


def test_a_story_of_several_days_says_the_day() -> None:
    timeline = [e.to_manifest() for e in RESTARTED.status.timeline]
    timeline[0]["time"] = "2026-11-19T08:00:00.000000Z"
    text = told(a_jaxjob(timeline=timeline, restarts=3))
    assert "\n  11-19 08:00  Scheduling          2d04h  PodsStarting" in text
    assert (
        "\n  11-21 12:03  ProgramError             1     3  in place        2.0s  6 steps" in text
    )
    assert max(map(len, text.splitlines())) <= 80


def test_of_many_restarts_the_last_are_shown() -> None:
    timeline = [
        entry(f"12:00:{i:02}", "Restarting" if i % 2 else "Running", "PeerLost", 0, epoch=i)
        for i in range(20)
    ]
    text = told(a_jaxjob(timeline=timeline, restarts=57))
    assert "\n57 restarts, the last 8\n" in text
    assert text.count("in place") == 8
    assert "  12:00:19  PeerLost                          in place           -" in text


class TestBudget:
    def said(self, policy: dict[str, Any] | None = None, **ledger: Any) -> str:
        jaxjob = a_jaxjob(policy, restartLedger={"restarts": 1, **ledger})
        return " ".join("\n".join(budget(jaxjob, NOW, 500)).split())

    def last(self, cause: str, repeats: int = 1, step: int | None = 120) -> dict[str, Any]:
        return {"cause": cause, "step": step, "repeats": repeats}

    def test_the_first_failure_of_its_kind(self) -> None:
        text = self.said(charges=[milliseconds("12:00:00")], last=self.last("ProgramError"))
        assert "1 of 3 restarts used in the last 24 h." in text
        assert (
            "If ProgramError came again at step 120: all pods are made anew, after 10.0s." in text
        )

    def test_a_node_lost_is_exempt(self) -> None:
        text = self.said({"maxRestarts": 0}, last=self.last("NodeLost", step=None))
        assert "0 of 0 restarts used in the last 24 h (1 in all)." in text
        assert "If NodeLost came again before the first step: it restarts in place" in text

    def test_a_budget_that_is_spent_until_the_oldest_is_forgotten(self) -> None:
        policy = {"maxRestarts": 1, "windowSeconds": 3600}
        text = self.said(policy, charges=[milliseconds("12:00:00")], last=self.last("PeerLost"))
        assert "1 of 1 restart used in the last 60 min; the oldest is forgotten in 46m46s." in text
        assert "at step 120: the job ends, as the budget is spent (BudgetSpent)." in text

    def test_restarts_longer_ago_than_the_window(self) -> None:
        text = self.said({"windowSeconds": 600}, charges=[milliseconds("12:00:00")])
        assert "0 of 3 restarts used in the last 10 min (1 in all)." in text

    def test_a_rule(self) -> None:
        policy = {"rules": [{"onExitCodes": [64], "action": "Fail"}]}
        failure = {"cause": "ProgramError", "exitCode": 64, "message": "x"}
        ledger = {"restarts": 1, "last": self.last("ProgramError")}
        jaxjob = a_jaxjob(policy, restartLedger=ledger, failure=failure)
        assert "a rule says (RuleSaysFail)" in "".join(budget(jaxjob, NOW, 500))

    @pytest.mark.parametrize("state", ["Succeeded", "Failed"])
    def test_nothing_once_the_job_is_over(self, state: str) -> None:
        assert list(budget(a_jaxjob(state=state, restartLedger={"restarts": 1}), NOW, 80)) == []

    def test_nothing_where_nothing_failed(self) -> None:
        assert list(budget(a_jaxjob(), NOW, 80)) == []
        assert list(budget(a_jaxjob(restartLedger={}), NOW, 80)) == []


class TestWhyItEnded:
    def said(self, cause: str, policy: dict[str, Any] | None = None, **ledger: Any) -> str:
        failure = {"cause": cause, "exitCode": 3, "step": 7, "message": "x"}
        failure["time"] = "2026-11-21T12:07:20Z"
        jaxjob = a_jaxjob(policy, state="Failed", failure=failure, restartLedger=ledger)
        assert why_it_ended(jaxjob) in FOR_VERDICT
        return why_it_ended(jaxjob)

    def test_alike_three_times(self) -> None:
        last = {"cause": "ProgramError", "step": 7, "repeats": 2}
        assert self.said("ProgramError", last=last) == "SameFailure"

    def test_no_restarts_left(self) -> None:
        charges = [milliseconds("12:00:00")]
        assert self.said("PeerLost", {"maxRestarts": 1}, charges=charges) == "BudgetSpent"

    def test_a_rule(self) -> None:
        policy = {"rules": [{"onExitCodes": [3], "action": "Fail"}]}
        assert self.said("ProgramError", policy) == "RuleSaysFail"

    def test_a_deadline_is_no_verdict_of_the_policy(self) -> None:
        assert self.said("Deadline") == ""

    def test_each_has_its_advice(self) -> None:
        assert set(FOR_VERDICT) == set(get_args(Reason))


class TestHints:
    @pytest.mark.parametrize(
        ("parts", "hint"),
        [
            ({"productive": 80, "wasted": 20}, "checkpoint more often"),
            ({"productive": 80, "data": 20}, "load it ahead"),
            ({"productive": 80, "checkpoint": 20}, "save asynchronously"),
            ({"productive": 95, "wasted": 5}, ""),
            ({"productive": 0.8, "wasted": 0.2}, ""),
        ],
    )
    def test_what_costs_most_has_a_remedy(self, parts: dict[str, float], hint: str) -> None:
        said = {f"{name}Seconds": seconds for name, seconds in parts.items()}
        text = "\n".join(goodput(a_jaxjob(goodput={**said, "percent": "80.0"}).status, 100))
        assert hint in text
        assert bool(hint) == ("->" in text)

    def test_a_program_that_tells_no_steps(self) -> None:
        status = a_jaxjob(goodput={"otherSeconds": 100, "schedulingSeconds": 5}).status
        text = click.unstyle("\n".join(goodput(status, 100)))
        assert "Goodput: 1m45s so far" in text
        assert "jaxrun.report(step=...)" in text
        compiling = status.replace(state="Compiling")
        assert "->" not in "\n".join(goodput(compiling, 100)), "it may yet tell some"


def test_spans_read_well() -> None:
    spans = [0.04, 59.94, 59.96, 72, 3599.6, 7500, 172799, 273600, -5]
    assert [span(s) for s in spans] == [
        "0.0s",
        "59.9s",
        "1m00s",
        "1m12s",
        "1h00m",
        "2h05m",
        "47h59m",
        "3d04h",
        "0.0s",
    ]


def test_windows_read_as_they_are_meant() -> None:
    windows = [60, 90, 600, 3600, 5400, 86400, 604800]
    said = [round_span(w) for w in windows]
    assert said == ["60 s", "90 s", "10 min", "60 min", "90 min", "24 h", "7 d"]


def test_a_pod_that_is_still_there_gives_its_logs() -> None:
    pod = PodView("digits-a0-s0-1-xyz", "1", 0, 0, 1, "Running")
    text = click.unstyle("\n".join(explain(Known(RESTARTED, (pod,)), NOW, 120)))
    assert "Read its last lines: kubectl logs -n ml digits-a0-s0-1-xyz -c jax" in text
