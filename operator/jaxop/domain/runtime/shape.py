"""The least of a class that one pod can have: verifying must not cost a slice."""

from difflib import get_close_matches

from jaxop.api.v1alpha1 import AcceleratorClass
from jaxop.api.v1alpha1.accelerator_class import AcceleratorClassSpec
from jaxop.api.v1alpha1.jaxjob import Accelerator
from jaxop.domain.devices import SliceLayout, resolve
from jaxop.domain.problem import sentence
from jaxop.domain.runtime.snapshot import Snapshot


def smallest(found: AcceleratorClass) -> SliceLayout | str:
    """One host, with as few chips as the class offers; or a sentence on why there is none."""
    name, spec = found.metadata.name, found.spec
    request = _by_topology(name, spec) if spec.has_topologies else _by_count(name, spec)
    if request is None:
        return (
            f"AcceleratorClass {name} offers no topology of one host, so no single pod can verify "
            "the image there; offer one, or take the class out of spec.accelerators"
        )
    layout = resolve(name, spec, request)
    return layout if isinstance(layout, SliceLayout) else sentence(layout)


def no_such_class(name: str, snapshot: Snapshot) -> str:
    close = get_close_matches(name, snapshot.classes, n=2, cutoff=0.5)
    if close:
        remedy = f"nearest: {', '.join(close)}"
    elif snapshot.classes:
        remedy = f"use one of: {', '.join(sorted(snapshot.classes))}"
    else:
        remedy = "there are no AcceleratorClasses: install the chart's catalogue, or apply one"
    return f"there is no AcceleratorClass named {name}; {remedy}"


def _by_topology(name: str, spec: AcceleratorClassSpec) -> Accelerator | None:
    offers = [offer for offer in spec.topologies if offer.hosts == 1]
    if not offers:
        return None
    least = min(offers, key=lambda offer: offer.chips)
    return Accelerator(class_=name, topology=least.topology, chips_per_host=least.chips_per_host)


def _by_count(name: str, spec: AcceleratorClassSpec) -> Accelerator:
    if spec.resource is None:
        return Accelerator(class_=name)
    return Accelerator(class_=name, chips_per_host=min(spec.chips_per_host, default=1))
