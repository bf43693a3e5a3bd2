"""aheadOfTime: which devices are compiled for, by the words of their compiler.

chips of a host   how they lie, as libtpu is told (chips_per_host_bounds)
1                 1x1x1
4                 2x2x1
8                 2x4x1
"""

from typing import Final

from jaxop.api.v1alpha1.accelerator_class import AcceleratorClass
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.ahead_of_time import AbsentDevices
from jaxop.domain.problem import Problem

FIELD: Final = "spec.aheadOfTime"

HOST_BOUNDS: Final = {1: (1, 1, 1), 4: (2, 2, 1), 8: (2, 4, 1)}


def described(
    accelerator: AcceleratorClass, layout: SliceLayout, cache_namespace: str
) -> AbsentDevices | Problem:
    """The devices of a slice of that layout, or why nobody can compile for them without it."""
    name, known = accelerator.metadata.name, accelerator.spec.ahead_of_time
    if known is None or layout.topology is None:
        return Problem(
            FIELD,
            f"AcceleratorClass {name} does not say how JAX compiles for it where it is not",
            "remove aheadOfTime, so that it runs on the accelerator; only classes of TPUs can have "
            "spec.aheadOfTime",
        )
    if layout.slices != 1:
        return Problem(FIELD, f"{layout.slices} slices are asked for", "it compiles for one slice")
    bounds = HOST_BOUNDS.get(layout.chips_per_host)
    if bounds is None:
        return Problem(
            FIELD,
            f"how {layout.chips_per_host} chips lie on a host of {name} is not known",
            f"it compiles for hosts of {', '.join(map(str, HOST_BOUNDS))} chips",
        )
    options: dict[str, object] = {"chips_per_host_bounds": list(bounds)}
    if known.chip_config is not None:
        options["chip_config_name"] = known.chip_config
    return AbsentDevices(
        cache_namespace=cache_namespace,
        platform=layout.platform,
        topology=f"{known.topology_prefix}:{layout.topology}",
        options=options,
        devices=layout.hosts * layout.chips_per_host * layout.devices_per_chip,
    )
