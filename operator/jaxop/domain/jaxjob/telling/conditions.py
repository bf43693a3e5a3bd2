"""The conditions that follow from a state, as kstatus (Argo CD, Flux, kubectl wait) reads them.

    state                     Ready   Reconciling  Stalled  Succeeded  Failed
    Pending (invalid)         False   False        True
    Pending (for a Warmup)    False   True         False
    Queued .. Compiling       False   True         False
    Checkpointing             False   True         False
    Restarting                False   True         False
    Running                   True    False        False
    Suspended                         False        False
    Succeeded                 True    False        False    True
    Failed                    False   False        True                True

kstatus takes Ready=False for "in progress", so a suspended job, which is as its spec wants it,
has no Ready at all.
"""

from datetime import datetime

from jaxop.api.v1alpha1.common import Condition
from jaxop.api.v1alpha1.jaxjob_status import ConditionType, JaxJobStatus, State
from jaxop.domain.conditions import told
from jaxop.domain.jaxjob.standing import reasons

_IN_PROGRESS: frozenset[State] = frozenset(
    {"Queued", "Scheduling", "WaitingForPeers", "Compiling", "Checkpointing", "Restarting"}
)


def conditions(
    old: JaxJobStatus, state: State, reason: str, message: str, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """In a fixed order; times move only where a condition's status does."""
    holds: dict[ConditionType, bool] = {}
    if state != "Suspended":
        holds["Ready"] = state in ("Running", "Succeeded")
    waits = state == "Pending" and reason == reasons.WAITING_FOR_WARMUP
    holds["Reconciling"] = waits or state in _IN_PROGRESS
    holds["Stalled"] = not waits and state in ("Pending", "Failed")
    if state in ("Succeeded", "Failed"):
        holds[state] = True
    return told(old.conditions, holds, reason or state, message, generation, now)
