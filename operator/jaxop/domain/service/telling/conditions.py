"""The conditions that follow, as kstatus and those who know Deployments read them.

Ready        as many replicas serve as rollout.maxUnavailable promises, of whatever revision
Reconciling  it is on its way to what the spec says
Stalled      it gets nowhere unless somebody does something
Progressing  False once a rollout has stopped
"""

from datetime import datetime

from jaxop.api.v1alpha1.common import Condition
from jaxop.api.v1alpha1.jaxservice import JaxService
from jaxop.api.v1alpha1.jaxservice_status import ServiceConditionType
from jaxop.domain.conditions import told
from jaxop.domain.service.standing import Standing

_ON_ITS_WAY = frozenset({"WarmingUp", "Starting", "RollingOut", "Degraded"})
_STUCK = frozenset({"RolloutStopped", "Failed", "Pending"})


def conditions(
    service: JaxService, standing: Standing, ready: int, stalled: bool, now: datetime
) -> tuple[Condition, ...]:
    spec, old = service.spec, service.status
    least = max(1, spec.replicas - spec.rollout.max_unavailable)
    stuck = stalled or standing.state in _STUCK
    holds: dict[ServiceConditionType, bool] = {
        "Ready": ready >= least if spec.replicas else standing.state == "Idle",
        "Reconciling": not stuck and standing.state in _ON_ITS_WAY,
        "Stalled": stuck,
        "Progressing": not stuck,
    }
    generation = service.metadata.generation
    return told(old.conditions, holds, standing.reason, standing.message, generation, now)
