"""What must hold for every schedule, however it went."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from schedule import Outcome

MORE_WRITES = 8
"""What a disturbance may cost: writes done again, and statuses that the undisturbed run could put
off until there was more to say. In a story of more than 48 writes, a sixth of them."""
MORE_REQUESTS = 90
"""In any 10 s, against the undisturbed run: lists and watches begin anew, requests are repeated. An
operator with all kinds has some 15 watches, and each tries about five times in its first 10 s
without a server."""
QUIET_REQUESTS = 30
"""In the 300 s at the end: watches that the server has ended, and resyncs."""


def faults(undisturbed: Outcome, outcome: Outcome) -> list[str]:
    """Each as a sentence; none if all is well."""
    if outcome.problem:
        return [outcome.problem]
    found = list(_differences(undisturbed.final, outcome.final))
    found += _made(undisturbed, outcome)
    found += [f"told {what}" for what in _more(undisturbed.told, outcome.told)]
    found += [f"wrote when all was settled: {write}" for write in outcome.quiet_writes]
    allowed = undisturbed.carried_out + max(MORE_WRITES, undisturbed.carried_out // 6)
    if outcome.carried_out > allowed:
        found.append(f"{outcome.carried_out} writes, {undisturbed.carried_out} undisturbed")
    if outcome.peak_requests > undisturbed.peak_requests + MORE_REQUESTS:
        found.append(
            f"{outcome.peak_requests} requests in 10 s, {undisturbed.peak_requests} undisturbed"
        )
    if outcome.quiet_requests > undisturbed.quiet_requests + QUIET_REQUESTS:
        found.append(f"{outcome.quiet_requests} requests in the last 300 s, when all was settled")
    if outcome.overdue:
        found.append(f"the harness waited {outcome.overdue} times for what did not come")
    return found


def _made(undisturbed: Outcome, outcome: Outcome) -> Iterable[str]:
    """A late write makes what its sender's successor need not. Pods are made by their Job too."""
    late = outcome.schedule.partition("/")[2].startswith("late")
    for name in sorted({*undisturbed.created, *outcome.created}):
        wanted, made = undisturbed.created.get(name, 0), outcome.created.get(name, 0)
        may_be_fewer = late or name.startswith("pods/")
        if wanted != made and not (may_be_fewer and made < wanted):
            yield f"{name} was made {made} times, {wanted} times undisturbed"


def _more(usual: dict[str, int], told: dict[str, int]) -> list[str]:
    """A process that dies between a status and its event takes the event along; no more. Warnings
    only: that things go on is told anew by a process that finds them so."""
    more = Counter(told) - Counter(usual)
    return [f"{what} {n} times too often" for what, n in more.items() if what.startswith("Warning")]


def _differences(wanted: Any, found: Any, where: str = "") -> Iterable[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in sorted({*wanted, *found}, key=str):
            inner = f"{where}.{name}" if where else str(name)
            yield from _differences(wanted.get(name), found.get(name), inner)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(one, other, f"{where}[{number}]")
    elif wanted != found:
        yield f"{where}: {_short(found)}, undisturbed {_short(wanted)}"


def _short(value: Any) -> str:
    return json.dumps(value)[:600]
