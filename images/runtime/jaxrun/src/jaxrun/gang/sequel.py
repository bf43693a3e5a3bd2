"""What follows an epoch: another one in the same pods, or the gang's end. Pure.

    all finished                                the end: success
    a launcher was asked to stop, or was lost   the others wait for its successor; whoever makes
                                                that one charges it
    every launcher was asked to stop            the end: there is nobody to wait
    a program died                              as `restart_policy.judge` has it

Without `inPlace` nobody waits for a successor: then the whole attempt is made anew.
"""

from dataclasses import dataclass, replace

from jaxrun.evidence import Death, How, Verdict
from jaxrun.restart_policy import Ledger, RestartPolicy, judge


@dataclass(frozen=True)
class Terms:
    """What the job's spec says about its end; outside of a JaxJob nothing is restarted."""

    policy: RestartPolicy = RestartPolicy()
    ledger: Ledger = Ledger()
    process_zero: bool = False
    """Whether process 0's success is the gang's."""
    warm: bool = False
    """Whether it is a Warmup's, and done once it is warm."""
    drains: bool = False
    """Whether it is a server of one process, whose exit with 0 after a stop signal is its success:
    there is no work that it leaves undone."""


@dataclass(frozen=True)
class Sequel:
    """`ledger` is what holds from now on; `why` is for the log."""

    restarts: bool
    why: str = ""
    ledger: Ledger = Ledger()
    delay_seconds: float = 0.0


def sequel(
    verdict: Verdict, death: Death | None, policy: RestartPolicy, ledger: Ledger, all_leave: bool
) -> Sequel:
    """`death` is the one behind the verdict; None where it is a success or a stop from outside."""
    if verdict.cause is None:
        return Sequel(False)
    if death is None or death.how is How.LOST:
        if all_leave or not policy.in_place:
            return Sequel(False)
        return Sequel(True, "", replace(ledger, restarts=ledger.restarts + 1))
    judgement = judge(policy, ledger, verdict.cause, verdict.exit_code, verdict.step, verdict.time)
    if judgement.action != "RestartInPlace":
        return Sequel(False, judgement.reason or judgement.action)
    return Sequel(True, "", judgement.ledger, judgement.delay_seconds)
