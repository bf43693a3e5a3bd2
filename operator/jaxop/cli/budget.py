"""What the restart policy still allows, and what the next failure would mean."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from jaxop.api.v1alpha1 import JaxJob
from jaxop.api.v1alpha1.jaxjob_status import FINISHED, RestartLedger, SameFailure
from jaxop.api.v1alpha1.restart_policy import RestartPolicy
from jaxop.cli.wording import plural, round_span, section, span, wrapped
from jaxop.domain.jaxjob.failures.restart_policy import Judgement, Reason, in_window, judge

_ORDINALS: Final = {1: "first", 2: "second", 3: "third"}


def budget(jaxjob: JaxJob, now: datetime, width: int) -> Iterator[str]:
    status, policy = jaxjob.status, jaxjob.spec.restart_policy
    ledger = status.restart_ledger
    if ledger is None or ledger == RestartLedger() or status.state in FINISHED:
        return
    yield from section("What the restart policy still allows")
    yield from wrapped(_spent(policy, ledger, now), width)
    if ledger.last is not None:
        failure = status.failure
        same = failure is not None and failure.cause == ledger.last.cause
        exit_code = failure.exit_code if failure is not None and same else None
        yield from wrapped(_next(policy, ledger, ledger.last, exit_code, now), width)


def why_it_ended(jaxjob: JaxJob) -> Reason:
    """Of a failed job, whose ledger is as it was before the last failure; "" where the restart
    policy had no say."""
    status, failure = jaxjob.status, jaxjob.status.failure
    if status.state != "Failed" or failure is None or failure.time is None:
        return ""
    ledger = status.restart_ledger or RestartLedger()
    policy = jaxjob.spec.restart_policy
    return judge(
        policy, ledger, failure.cause, failure.exit_code, failure.step, failure.time
    ).reason


def _spent(policy: RestartPolicy, ledger: RestartLedger, now: datetime) -> str:
    at = _milliseconds(now)
    charges = in_window(ledger.charges, policy.window_seconds, at)
    window = round_span(policy.window_seconds)
    text = f"{len(charges)} of {plural(policy.max_restarts, 'restart')} used in the last {window}"
    if ledger.restarts > len(charges):
        text += f" ({ledger.restarts} in all)"
    if charges and len(charges) >= policy.max_restarts:
        left = (charges[0] - at) / 1000 + policy.window_seconds
        text += f"; the oldest is forgotten in {span(left)}"
    return text + "."


def _next(
    policy: RestartPolicy,
    ledger: RestartLedger,
    last: SameFailure,
    exit_code: int | None,
    now: datetime,
) -> str:
    """Judged as the operator and the launcher would, if the same happened again now."""
    verdict = judge(policy, ledger, last.cause, exit_code, last.step, now)
    which = _ORDINALS.get(last.repeats + 1, f"{last.repeats + 1}th")
    where = f"at step {last.step}" if last.step is not None else "before the first step"
    if last.repeats == 1:
        return f"If {last.cause} came again {where}: {_consequence(verdict)}."
    return f"A {which} {last.cause} in a row {where}: {_consequence(verdict)}."


def _consequence(verdict: Judgement) -> str:
    match verdict.action, verdict.reason:
        case "Fail", "SameFailure":
            return "the job ends, as that is the program's fault (SameFailure)"
        case "Fail", "BudgetSpent":
            return "the job ends, as the budget is spent (BudgetSpent)"
        case "Fail", _:
            return "the job ends, as a rule says (RuleSaysFail)"
        case "Restart", _:
            how = "all pods are made anew"
        case _:
            how = "it restarts in place"
    wait = f", after {span(verdict.delay_seconds)}" if verdict.delay_seconds else ""
    return how + wait


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)
