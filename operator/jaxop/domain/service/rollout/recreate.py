"""Recreate: all others go, and only when they are gone the target's replicas are made.

For where there is no device to spare. In between nothing is served.
"""

from jaxop.domain.service.rollout.scene import Scene, Step


def step(scene: Scene) -> Step:
    target, wanted = scene.target, scene.limits.wanted
    left = [other for other in scene.others if not other.gone]
    replicas = {other.revision: 0 for other in scene.others}
    if left:
        names = ", ".join(other.revision for other in left)
        pods = sum(other.existing for other in left)
        message = (
            f"stops revision {names} before revision {target.revision} starts; {pods} of its "
            "replicas are still there, and nothing is served until a new one is ready"
        )
        return Step({**replicas, target.revision: min(target.desired, wanted)}, message)
    message = f"{target.ready} of {wanted} replicas of revision {target.revision} are ready"
    return Step({**replicas, target.revision: wanted}, message)
