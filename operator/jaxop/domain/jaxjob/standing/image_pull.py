"""Images that cannot be pulled: which image, on how many pods, and what the registry said."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from jaxop.domain import contract
from jaxop.domain.jaxjob.views import ContainerWaiting, PodView

REASONS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)

_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(: ErrImagePull: )?')
_PORTS = re.compile(r"\d+\.\d+\.\d+\.\d+:\d+->")


def explain(pods: Sequence[PodView], processes: int) -> str | None:
    """One sentence on the image that most pods wait for; None if none does."""
    held = [(pod, waiting) for pod in pods for waiting in pod.waiting if waiting.reason in REASONS]
    if not held:
        return None
    (image, container), _ = Counter((w.image, w.container) for _, w in held).most_common(1)[0]
    about = [w for _, w in held if w.image == image and w.container == container]
    said = max((in_short(waiting) for waiting in about), key=len)
    whose = (
        "the launcher's image; check the operator's runtime image setting"
        if container == contract.INIT_CONTAINER
        else f"container {container}; check the name and tag, and the template's imagePullSecrets"
    )
    detail = f" ({said})" if said else ""
    return f"image {image} cannot be pulled on {len(about)} of {processes} pods{detail}: {whose}"


def in_short(waiting: ContainerWaiting) -> str:
    """The same words whether the kubelet is trying or backing off, so that status stays still."""
    if waiting.reason == "ErrImageNeverPull":
        return "it is not on the node, and imagePullPolicy is Never"
    if waiting.reason == "InvalidImageName":
        return "that is not a valid image name"
    return _PORTS.sub("", _BACK_OFF.sub("", waiting.message)).strip()
