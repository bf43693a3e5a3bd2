"""What follows from how a run of the program has ended, and from what became of its entries.

the fill                                 then
asked the cache for nothing              Failed: there is nothing to warm
found all of it                          Ready: another has filled it already
offered entries                          Publishing
compiled, and offered none               the try has failed
the keeper has looked at all of them     Verifying, if at least one is published
the keeper knows of no such offer        Verifying after a while: it may have been restarted
the verification
found all of it                          Ready
missed some                              the try has failed

`all of it` is what JAX's cache can keep: functions that call back into Python it asks for, and
never writes. Of those alone, there is nothing to warm.

With aheadOfTime an entry for the accelerator is found and cannot be loaded; `unverified` says what
that proves. A program that has none of these has compiled for the cpu that it ran on.
"""

from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import Plan
from jaxop.api.v1alpha1 import JaxJob
from jaxop.api.v1alpha1.jaxjob_status import Compilation
from jaxop.api.v1alpha1.warmup import Verification
from jaxop.domain.jaxjob.telling.never_kept import never_kept
from jaxop.domain.warmup import reasons, unverified
from jaxop.domain.warmup.runs import name_of, offer_of
from jaxop.domain.warmup.snapshot import Snapshot
from jaxop.domain.warmup.telling import NOTHING_ELSE, say

LAST_WORDS: Final = timedelta(seconds=2)
"""After a JaxJob's end, for what its pods said last to be in its status."""
NO_WORDS: Final = timedelta(seconds=60)
"""The same, where as far as is known the try has failed: that its pods have ended may be known
later than that their Job has."""

FORGOTTEN: Final = timedelta(seconds=60)
"""A keeper that answers for so long and knows no such offer does not know it any more."""
LOOK_SECONDS: Final = 2.0
"""Between looks at what the keeper says."""


def seconds_to_last_words(job: JaxJob, now: datetime) -> float:
    """0 or less when all that will be said has been said."""
    ended = job.status.completion_time
    if ended is None:
        return 0.0
    patience = LAST_WORDS if _is_good(job.status.compilation) else NO_WORDS
    return (ended + patience - now).total_seconds()


def _is_good(found: Compilation | None) -> bool:
    return found is not None and (found.offered > 0 or _found_all(found))


def _keepable(found: Compilation) -> int:
    return max(0, found.requests - found.never_kept)


def _found_all(found: Compilation) -> bool:
    return 0 < _keepable(found) <= _found(found)


def _found(found: Compilation) -> int:
    return found.hits + found.not_loadable


def after_fill(snapshot: Snapshot, fill: JaxJob, now: datetime) -> Plan:
    """The fill has succeeded."""
    found = fill.status.compilation or Compilation()
    if _keepable(found) == 0 and found.offered == 0:
        message = "the program compiled nothing that the cache keeps" + (
            _never_kept(found) or f"{_problem(found)}; does its first step run a jitted function?"
        )
        return say(snapshot, "Failed", reasons.NOTHING_COMPILED, message, now)
    if _found_all(found):
        if _without_the_devices(snapshot, found):
            return _ahead_of_time(snapshot, found, "this run found what another had compiled", now)
        message = f"{_hits(found)} were in the cache already{_never_kept(found)}"
        verified = _verification(found)
        return say(snapshot, "Ready", reasons.FOUND_FILLED, message, now, verification=verified)
    if found.offered == 0:
        missed = _keepable(found) - _found(found)
        message = f"{missed} programs were compiled and none was offered{_problem(found)}"
        return try_again(snapshot, reasons.NOT_PUBLISHED, message, now)
    return say(
        snapshot,
        "Publishing",
        reasons.PUBLISHING,
        f"0 of {found.offered} entries are published",
        now,
        Plan(requeue_after=0.0),
        entries=found.offered,
        bytes=found.offered_bytes,
        compile_seconds=found.seconds,
        first_step_seconds=found.first_step_seconds,
    )


def publishing(snapshot: Snapshot, fill: JaxJob | None, digest: str, now: datetime) -> Plan:
    status, spec = snapshot.warmup.status, snapshot.warmup.spec
    since = status.state_since or now
    if (now - since).total_seconds() >= spec.active_deadline_seconds:
        message = f"not published within {spec.active_deadline_seconds} s: {status.message}"
        return try_again(snapshot, reasons.NOT_PUBLISHED, message, now)
    if fill is None:
        return verifying(
            snapshot, "its fill is gone; whether all is published, a second run shows", now
        )
    look = Plan(requeue_after=LOOK_SECONDS)
    if not snapshot.keeper.answers:
        message = (
            f"the keeper of CompileCache {spec.compile_cache} does not answer: what was compiled "
            "is published when it does"
        )
        return say(snapshot, "Publishing", reasons.KEEPER_SILENT, message, now, look)
    wanted = status.entries or 0
    offer = snapshot.keeper.offers.get(offer_of(fill, digest))
    if offer is None:
        if now - since >= FORGOTTEN:
            return verifying(snapshot, "the keeper knows no more of the offer", now)
        message = f"0 of {wanted} entries are published"
        return say(snapshot, "Publishing", reasons.PUBLISHING, message, now, look)
    if offer.pending > 0 or offer.published + offer.refused < wanted:
        message = f"{offer.published} of {wanted} entries are published"
        return say(snapshot, "Publishing", reasons.PUBLISHING, message, now, look)
    if offer.published == 0:
        message = f"the keeper refused all {offer.refused} entries"
        return try_again(snapshot, reasons.NOT_PUBLISHED, message, now)
    return verifying(snapshot, f"{offer.published} of {wanted} entries are published", now)


def verifying(snapshot: Snapshot, because: str, now: datetime) -> Plan:
    message = f"{because}; JaxJob {name_of(snapshot.warmup, 'Verify')} looks whether it finds all"
    again = Plan(requeue_after=0.0)
    return say(snapshot, "Verifying", reasons.VERIFYING, message, now, again)


def after_verification(snapshot: Snapshot, verify: JaxJob, now: datetime) -> Plan:
    """The verification has succeeded, which says nothing of what it found."""
    found = verify.status.compilation or Compilation()
    verified = _verification(found)
    if _found_all(found):
        if _without_the_devices(snapshot, found):
            return _ahead_of_time(snapshot, found, "a second run found them", now)
        message = f"a second run found {_hits(found)} in the cache{_never_kept(found)}"
        return say(snapshot, "Ready", reasons.VERIFIED, message, now, verification=verified)
    message = f"a second run found {_hits(found)}{_problem(found)}"
    return try_again(snapshot, reasons.NOT_FOUND_AGAIN, message, now, verification=verified)


def _without_the_devices(snapshot: Snapshot, found: Compilation) -> bool:
    """A program may compile for other devices than it runs on without being told to."""
    return snapshot.warmup.spec.ahead_of_time or found.not_loadable > 0


def _ahead_of_time(snapshot: Snapshot, found: Compilation, who: str, now: datetime) -> Plan:
    """All was found again."""
    verified = _verification(found)
    if found.not_loadable == 0:
        message = unverified.compiled_for_its_cpu(snapshot.warmup)
        return say(
            snapshot, "Failed", reasons.NOTHING_COMPILED, message, now, verification=verified
        )
    message = f"{unverified.what_it_proves(found.not_loadable, who)}{_never_kept(found)}"
    reason = reasons.COMPILED_NOT_VERIFIED
    return say(snapshot, "Ready", reason, message, now, verification=verified)


def after_failure(snapshot: Snapshot, job: JaxJob, now: datetime) -> Plan:
    status = job.status
    cause = status.failure.cause if status.failure is not None else status.reason
    message = f"JaxJob {job.metadata.name} failed ({cause}): {status.message}"
    return try_again(snapshot, reasons.RUN_FAILED, message, now)


def try_again(
    snapshot: Snapshot,
    reason: str,
    message: str,
    now: datetime,
    plan: Plan = NOTHING_ELSE,
    *,
    verification: Verification | None = None,
) -> Plan:
    """Its turn stays its own; nobody who waits would fare better at once."""
    run, allowed = snapshot.warmup.status.run, snapshot.warmup.spec.max_retries
    if run < allowed:
        told = f"{message}; try {run + 2} of {allowed + 1} begins"
        return say(
            snapshot,
            "Compiling",
            reasons.STARTING,
            told,
            now,
            plan,
            run=run + 1,
            verification=verification,
        )
    tries = f" (all {allowed + 1} tries are used)" if allowed else ""
    return say(
        snapshot, "Failed", reason, f"{message}{tries}", now, plan, verification=verification
    )


def _verification(found: Compilation) -> Verification:
    return Verification(
        requests=found.requests,
        hits=found.hits,
        not_loadable=found.not_loadable,
        never_kept=found.never_kept,
        summary=f"{_found(found)}/{found.requests}",
        compile_seconds=found.seconds,
    )


def _hits(found: Compilation) -> str:
    if _found(found) == found.requests > 0:
        return f"all {found.requests} programs"
    return f"{_found(found)} of {found.requests} programs"


def _never_kept(found: Compilation) -> str:
    """Empty where all can be kept."""
    if not found.never_kept:
        return ""
    return f"; {never_kept(found.never_kept, found.never_kept_functions)}"


def _problem(found: Compilation) -> str:
    return f" ({found.problem})" if found.problem else ""
