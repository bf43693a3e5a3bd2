"""The conditions of a status, as kstatus (Argo CD, Flux, kubectl wait) reads them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, TypeVar

from jaxop.api.v1alpha1.common import Condition

Kind = TypeVar("Kind", bound=str)


def told(
    before: Iterable[Condition],
    holds: Mapping[Kind, bool],
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """In the order of `holds`; times move only where a condition's status does. The message is told
    where it is about something: in what holds, and in why it is not Ready."""
    known = {condition.type: condition for condition in before}
    result = []
    for kind, value in holds.items():
        status: Literal["True", "False"] = "True" if value else "False"
        previous = known.get(kind)
        since = previous.last_transition_time if previous and previous.status == status else now
        result.append(
            Condition(
                type=kind,
                status=status,
                reason=reason,
                message=message if value or kind == "Ready" else "",
                last_transition_time=since,
                observed_generation=generation,
            )
        )
    return tuple(result)
