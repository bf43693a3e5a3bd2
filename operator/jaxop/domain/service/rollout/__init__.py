"""How replicas of one revision give way to those of another: one file for each strategy.

For: `STRATEGIES[name](scene)`, which says how many replicas each revision is to have now.
Must not know: what a replica is, what else there is in a cluster, what time it is.

A strategy is a pure function of a `Scene` that answers with a `Step`. It is asked again after every
change, and sees only what there is: it keeps nothing in between. Another strategy is another file
here, and another line in `STRATEGIES`.

When a rollout has stopped, the same strategy leads back to the revision that served before, with
the same bounds: the scene's target is then that one.
"""

from collections.abc import Callable, Mapping
from typing import Final

from jaxop.domain.service.rollout import recreate, rolling_update
from jaxop.domain.service.rollout.scene import Count, Limits, Scene, Step

Strategy = Callable[[Scene], Step]

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "RollingUpdate": rolling_update.step,
    "Recreate": recreate.step,
}

__all__ = ["STRATEGIES", "Count", "Limits", "Scene", "Step", "Strategy"]
