"""RollingUpdate: replicas of the target come before, or as, those of the others go.

Two bounds hold at every step, counted over all revisions together:

    replicas that there are to be    at most wanted + surge
    replicas that are ready          never made fewer than wanted - unavailable

Others that are not ready go first: they carry nothing. Only replicas that will stay are counted as
ready, so that a look at yesterday's counts takes nothing away twice.
"""

from jaxop.domain.service.rollout.scene import Scene, Step


def step(scene: Scene) -> Step:
    target, limits = scene.target, scene.limits
    most, least = limits.wanted + limits.surge, limits.wanted - limits.unavailable
    others = sum(other.desired for other in scene.others)
    room = most - target.desired - others
    grown = min(limits.wanted, target.desired + max(0, room))
    replicas = {target.revision: grown}
    ready = min(target.ready, grown) + sum(other.counted for other in scene.others)
    spare = max(0, ready - least)
    for other in scene.others:
        kept = min(scene.keep.get(other.revision, 0), other.desired, max(0, most - limits.wanted))
        idle = other.desired - other.counted
        taken = min(spare, other.counted)
        left = max(kept, other.desired - idle - taken)
        spare -= max(0, other.counted - left)
        replicas[other.revision] = left
    return Step(replicas, _words(scene, replicas))


def _words(scene: Scene, replicas: dict[str, int]) -> str:
    target, wanted = scene.target, scene.limits.wanted
    old = sum(other.ready for other in scene.others)
    said = f"{target.ready} of {wanted} replicas of revision {target.revision} are ready"
    if old or any(not other.gone for other in scene.others):
        said += f", {old} of earlier ones still serve"
    return said
