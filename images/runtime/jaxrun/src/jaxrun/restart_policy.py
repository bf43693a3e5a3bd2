"""What to do about a failure: `judge`. Pure, and the same in the operator, which makes new pods.

    the first rule that matches, else RestartInPlace, or Restart where inPlace is false
      Fail                                    the job ends: RuleSaysFail
      the program's fault, third time in a    the job ends: SameFailure, unless the rule is Ignore
      row with the same cause and step
      counts, and the budget is spent         the job ends: BudgetSpent
      RestartInPlace, second time in a row    Restart: fresh pods may help

What counts is neither exempt by its cause nor ignored by a rule. Both sides are held to the cases
of images/runtime/restart-policy.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxrun.contract import Cause

PROGRAMS_FAULT = frozenset(
    {
        Cause.PROGRAM_ERROR,
        Cause.DEVICE_OUT_OF_MEMORY,
        Cause.HOST_OUT_OF_MEMORY,
        Cause.DEVICE_MISMATCH,
        Cause.NUMERICAL_ERROR,
        Cause.COMPILE_FAILED,
    }
)
SAME_FAILURES = 3
"""So many failures in a row with the same cause at the same step are the program's fault."""

_MAX_CHARGES = 128


@dataclass(frozen=True)
class Rule:
    """What to do about some failures; an empty tuple matches all."""

    action: str
    causes: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] = ()

    def matches(self, cause: Cause, exit_code: int | None) -> bool:
        """Whether it is for this failure."""
        return (not self.causes or cause.value in self.causes) and (
            not self.exit_codes or exit_code in self.exit_codes
        )


@dataclass(frozen=True)
class RestartPolicy:
    """`spec.restartPolicy` of the JaxJob. Outside of one, nothing is restarted."""

    max_restarts: int = 0
    window_seconds: int = 86400
    in_place: bool = False
    exempt_causes: tuple[str, ...] = ()
    initial_seconds: int = 10
    max_seconds: int = 300
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Ledger:
    """What the policy goes by: `status.restartLedger` of the JaxJob.

    `charges`: when the failures happened that count, in milliseconds since 1970, oldest first.
    `cause`, `step` and `repeats`: the last failure, and how often it came in a row.
    """

    restarts: int = 0
    charges: tuple[int, ...] = ()
    cause: str = ""
    step: int | None = None
    repeats: int = 0


@dataclass(frozen=True)
class Judgement:
    """`action` is RestartInPlace, Restart or Fail; `reason` says why it is Fail; `ledger` is what
    holds after the restart."""

    action: str
    reason: str
    delay_seconds: float
    ledger: Ledger


def judge(
    policy: RestartPolicy,
    ledger: Ledger,
    cause: Cause,
    exit_code: int | None,
    step: int | None,
    time: float,
) -> Judgement:
    """`step` is the last one before the failure, and `time` the failure's own, in Unix seconds."""
    rule = next((r.action for r in policy.rules if r.matches(cause, exit_code)), None)
    if rule == "Fail":
        return Judgement("Fail", "RuleSaysFail", 0.0, ledger)
    action = rule
    if action not in ("Restart", "RestartInPlace"):
        action = "RestartInPlace" if policy.in_place else "Restart"
    same = (ledger.cause, ledger.step) == (cause.value, step)
    repeats = ledger.repeats + 1 if same else 1
    programs_fault = cause in PROGRAMS_FAULT
    if programs_fault and repeats >= SAME_FAILURES and rule != "Ignore":
        return Judgement("Fail", "SameFailure", 0.0, ledger)
    at = int(time * 1000)
    charges = ledger.charges
    if rule != "Ignore" and cause.value not in policy.exempt_causes:
        charges = tuple(c for c in charges if c > at - policy.window_seconds * 1000)
        if at not in charges:
            if len(charges) >= policy.max_restarts:
                return Judgement("Fail", "BudgetSpent", 0.0, ledger)
            charges = tuple(sorted({*charges, at}))[-_MAX_CHARGES:]
    if action == "RestartInPlace" and programs_fault and repeats > 1:
        action = "Restart"
    delay = 0.0
    if repeats > 1:
        delay = float(min(policy.max_seconds, policy.initial_seconds * 2 ** min(repeats - 2, 30)))
    after = Ledger(ledger.restarts + 1, charges, cause.value, step, repeats)
    return Judgement(action, "", delay, after)


def read_policy(data: Mapping[str, Any]) -> RestartPolicy:
    """From the JSON of the contract.

    Raises:
        KeyError, TypeError, ValueError: it is not what the operator writes.
    """
    backoff = data["backoff"]
    return RestartPolicy(
        max_restarts=int(data["maxRestarts"]),
        window_seconds=int(data["windowSeconds"]),
        in_place=bool(data["inPlace"]),
        exempt_causes=_texts(data["exemptCauses"]),
        initial_seconds=int(backoff["initialSeconds"]),
        max_seconds=int(backoff["maxSeconds"]),
        rules=tuple(
            Rule(
                action=str(rule["action"]),
                causes=_texts(rule.get("onCauses", ())),
                exit_codes=tuple(int(code) for code in rule.get("onExitCodes", ())),
            )
            for rule in data["rules"]
        ),
    )


def read_ledger(data: Mapping[str, Any]) -> Ledger:
    """From the JSON of the contract.

    Raises:
        KeyError, TypeError, ValueError: it is not what `ledger_json` or the operator writes.
    """
    last = data.get("last") or {}
    step = last.get("step")
    return Ledger(
        restarts=int(data["restarts"]),
        charges=tuple(int(charge) for charge in data["charges"]),
        cause=str(last.get("cause", "")),
        step=int(step) if step is not None else None,
        repeats=int(last.get("repeats", 0)),
    )


def ledger_json(ledger: Ledger) -> dict[str, Any]:
    """As the contract has it."""
    last = {"cause": ledger.cause, "step": ledger.step, "repeats": ledger.repeats}
    return {
        "restarts": ledger.restarts,
        "charges": list(ledger.charges),
        "last": last if ledger.cause else None,
    }


def _texts(data: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(text) for text in data)
