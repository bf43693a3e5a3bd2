"""What to do about a failure: `judge`. Pure, and the same in the launcher, which restarts in place.

    the first rule that matches, else RestartInPlace, or Restart where inPlace is false
      Fail                                    the job ends: RuleSaysFail
      the program's fault, third time in a    the job ends: SameFailure, unless the rule is Ignore
      row with the same cause and step
      counts, and the budget is spent         the job ends: BudgetSpent
      RestartInPlace, second time in a row    Restart: fresh pods may help

What counts is neither exempt by its cause nor ignored by a rule. Both sides are held to the cases
of images/runtime/restart-policy.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from jaxop.api.v1alpha1.cause import Cause
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger, SameFailure
from jaxop.api.v1alpha1.restart_policy import Backoff, RestartPolicy, RestartRule

PROGRAMS_FAULT: Final[frozenset[Cause]] = frozenset(
    {
        "ProgramError",
        "DeviceOutOfMemory",
        "HostOutOfMemory",
        "DeviceMismatch",
        "NumericalError",
        "CompileFailed",
    }
)
SAME_FAILURES: Final = 3
"""So many failures in a row with the same cause at the same step are the program's fault."""

MAX_CHARGES: Final = 128

Verdict = Literal["RestartInPlace", "Restart", "Fail"]
Reason = Literal["", "RuleSaysFail", "SameFailure", "BudgetSpent"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """`reason` says why it is Fail; `ledger` is what holds after the restart."""

    action: Verdict
    reason: Reason
    delay_seconds: float
    ledger: RestartLedger


def judge(
    policy: RestartPolicy,
    ledger: RestartLedger,
    cause: Cause,
    exit_code: int | None,
    step: int | None,
    time: datetime,
) -> Judgement:
    """`step` is the last one before the failure, and `time` the failure's own."""
    matching = matching_rule(policy.rules, cause, exit_code)
    rule = policy.rules[matching].action if matching is not None else None
    if rule == "Fail":
        return Judgement("Fail", "RuleSaysFail", 0.0, ledger)
    action: Verdict
    if rule in ("Restart", "RestartInPlace"):
        action = rule
    else:
        action = "RestartInPlace" if policy.in_place else "Restart"
    repeats = _repeats(ledger.last, cause, step)
    if cause in PROGRAMS_FAULT and repeats >= SAME_FAILURES and rule != "Ignore":
        return Judgement("Fail", "SameFailure", 0.0, ledger)
    at = int(time.timestamp() * 1000)
    charges = ledger.charges
    if rule != "Ignore" and cause not in policy.exempt_causes:
        charges = in_window(charges, policy.window_seconds, at)
        if at not in charges:
            if len(charges) >= policy.max_restarts:
                return Judgement("Fail", "BudgetSpent", 0.0, ledger)
            charges = tuple(sorted({*charges, at}))[-MAX_CHARGES:]
    if action == "RestartInPlace" and cause in PROGRAMS_FAULT and repeats > 1:
        action = "Restart"
    after = RestartLedger(
        restarts=ledger.restarts + 1,
        charges=charges,
        last=SameFailure(cause=cause, step=step, repeats=repeats),
    )
    return Judgement(action, "", backoff_seconds(policy.backoff, repeats), after)


def backoff_seconds(backoff: Backoff, repeats: int) -> float:
    """How long to wait before a restart that follows the same failure for the nth time."""
    if repeats < 2:
        return 0.0
    return float(min(backoff.max_seconds, backoff.initial_seconds * 2 ** min(repeats - 2, 30)))


def in_window(charges: Sequence[int], window_seconds: int, at: int) -> tuple[int, ...]:
    """The charges that still count at the time `at`, in milliseconds since 1970."""
    return tuple(charge for charge in charges if charge > at - window_seconds * 1000)


def merged(ours: RestartLedger, theirs: RestartLedger) -> RestartLedger:
    """Of two that grew from the same one: what either has seen."""
    newer = theirs if theirs.restarts > ours.restarts else ours
    charges = tuple(sorted({*ours.charges, *theirs.charges}))[-MAX_CHARGES:]
    return newer.replace(charges=charges)


def matching_rule(rules: Sequence[RestartRule], cause: Cause, exit_code: int | None) -> int | None:
    """The index of the first rule that is for this failure."""
    for index, rule in enumerate(rules):
        causes_match = not rule.on_causes or cause in rule.on_causes
        codes_match = not rule.on_exit_codes or exit_code in rule.on_exit_codes
        if causes_match and codes_match:
            return index
    return None


def _repeats(last: SameFailure | None, cause: Cause, step: int | None) -> int:
    if last is not None and (last.cause, last.step) == (cause, step):
        return last.repeats + 1
    return 1
