"""The whole status, the worst first, and the events that tell of its turns.

    state       Ready   Reconciling  Stalled
    Unused              False        False
    Verifying   False   True         False
    Verified    True    False        False
    Mismatch    False   False        True
    Failed      False   False        True

kstatus takes Ready=False for "in progress", so what nobody uses has no Ready at all.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from jaxop.api.plan import Event
from jaxop.api.v1alpha1 import JaxRuntime
from jaxop.api.v1alpha1.jax_runtime import JaxRuntimeStatus, RuntimeFound, RuntimeState
from jaxop.domain.conditions import told

UNUSED: Final = (
    "spec.accelerators is empty, and no unfinished JaxJob or Warmup names it: nothing is verified"
)

_WORST_FIRST: Final[tuple[tuple[str, RuntimeState], ...]] = (
    ("Mismatch", "Mismatch"),
    ("Failed", "Failed"),
    ("Pending", "Verifying"),
    ("Verified", "Verified"),
)


def worst(found: Sequence[RuntimeFound]) -> tuple[RuntimeState, str]:
    """The state of the whole, and a sentence on each class that is in it."""
    for one, state in _WORST_FIRST:
        such = [each for each in found if each.state == one]
        if such and state == "Verified":
            return state, _verified(such)
        if such:
            return state, " | ".join(f"{each.accelerator}: {each.message}" for each in such)
    return "Unused", UNUSED


def compose(
    runtime: JaxRuntime, found: Sequence[RuntimeFound], now: datetime, problem: str | None = None
) -> JaxRuntimeStatus:
    """`problem` is what the API server refused."""
    state, message = worst(found)
    if problem is not None:
        state, message = "Failed", problem
    holds = {} if state == "Unused" else {"Ready": state == "Verified"}
    holds["Reconciling"] = state == "Verifying"
    holds["Stalled"] = state in ("Mismatch", "Failed")
    generation = runtime.metadata.generation
    return JaxRuntimeStatus(
        observed_generation=generation,
        state=state,
        message=message,
        found=tuple(found),
        conditions=told(runtime.status.conditions, holds, state, message, generation, now),
    )


def events(old: JaxRuntimeStatus, new: JaxRuntimeStatus) -> tuple[Event, ...]:
    if old.state == new.state and (new.state != "Mismatch" or old.message == new.message):
        return ()
    match new.state:
        case "Verified":
            return (Event("Normal", "Verified", new.message or ""),)
        case "Mismatch" | "Failed":
            return (Event("Warning", new.state, new.message or ""),)
    return ()


def _verified(found: Sequence[RuntimeFound]) -> str:
    one = found[0]
    where = ", ".join(each.accelerator for each in found)
    return f"jax {one.jax}, jaxlib {one.jaxlib} and Python {one.python} on {where}"
