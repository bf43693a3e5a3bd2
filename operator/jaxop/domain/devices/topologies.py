"""Which topologies a class offers: listed ones, and those of its rule for large ones."""

from itertools import product
from math import prod

from jaxop.api.v1alpha1.accelerator_class import AcceleratorClassSpec, LargeTopologies, axes


def offered_by_rule(rule: LargeTopologies, topology: str) -> bool:
    lengths = axes(topology)
    return (
        len(lengths) == rule.dimensions
        and all(length % rule.axis_multiple == 0 for length in lengths)
        and list(lengths) == sorted(lengths)
        and prod(lengths) <= rule.max_chips
    )


def nearest(spec: AcceleratorClassSpec, topology: str) -> tuple[str, ...]:
    """The same chips in another order, else the next smaller and the next larger one on offer."""
    wanted = axes(topology)
    candidates = {offer.topology for offer in spec.topologies}
    if spec.large_topologies is not None:
        candidates |= _rounded(spec.large_topologies, wanted)
    if "x".join(map(str, sorted(wanted))) in candidates:
        return ("x".join(map(str, sorted(wanted))),)

    def closeness(name: str) -> tuple[int, int]:
        lengths = axes(name)
        shape = sum(abs(a - b) for a, b in zip(sorted(lengths), sorted(wanted), strict=False))
        return abs(prod(lengths) - prod(wanted)), shape

    ranked = sorted(candidates, key=lambda name: (closeness(name), name))
    smaller = [name for name in ranked if prod(axes(name)) <= prod(wanted)][:1]
    larger = [name for name in ranked if prod(axes(name)) > prod(wanted)][:1]
    return (*smaller, *larger)


def all_listed(spec: AcceleratorClassSpec) -> str:
    names = list(dict.fromkeys(offer.topology for offer in spec.topologies))
    rule = spec.large_topologies
    if rule is not None:
        names.append(
            f"or {rule.dimensions} axes in multiples of {rule.axis_multiple}, "
            f"shortest first, up to {rule.max_chips} chips"
        )
    return ", ".join(names)


def _rounded(rule: LargeTopologies, wanted: tuple[int, ...]) -> set[str]:
    step = rule.axis_multiple
    lengths = (*wanted, *(1 for _ in range(rule.dimensions)))[: rule.dimensions]
    around = [{max(step, x // step * step), -(-x // step) * step} for x in lengths]
    names = {"x".join(map(str, sorted(choice))) for choice in product(*around)}
    return {name for name in names if offered_by_rule(rule, name)}
