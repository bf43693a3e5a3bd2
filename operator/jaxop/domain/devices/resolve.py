"""A request for accelerators, answered from its class. All that is wrong comes back at once."""

from jaxop.api.v1alpha1.accelerator_class import AcceleratorClassSpec, Topology
from jaxop.api.v1alpha1.jaxjob import Accelerator
from jaxop.domain.devices import topologies
from jaxop.domain.devices.layout import SliceLayout
from jaxop.domain.problem import Problem

FIELD = "spec.accelerator"


def resolve(
    name: str, spec: AcceleratorClassSpec, request: Accelerator
) -> SliceLayout | tuple[Problem, ...]:
    if spec.has_topologies:
        return _by_topology(name, spec, request)
    return _by_count(name, spec, request)


def _by_topology(
    name: str, spec: AcceleratorClassSpec, request: Accelerator
) -> SliceLayout | tuple[Problem, ...]:
    problems: list[Problem] = []
    if request.hosts is not None:
        problems.append(
            Problem(
                f"{FIELD}.hosts",
                f"{request.hosts} is given, but the hosts of {name} follow from its topology",
                "remove hosts; for more chips ask for a larger topology or for more slices",
            )
        )
    offer: Topology | None = None
    if request.topology is None:
        problems.append(
            Problem(
                f"{FIELD}.topology",
                f"is missing, and {name} is asked for by topology",
                f"give one of: {topologies.all_listed(spec)}",
            )
        )
    else:
        found = _offer(name, spec, request.topology, request.chips_per_host)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            offer = found
    if problems or offer is None:
        return tuple(problems)
    selector = dict(spec.node_selector)
    if spec.topology_label is not None:
        selector[spec.topology_label] = offer.topology
    return _layout(
        name,
        spec,
        request,
        hosts=offer.hosts,
        chips_per_host=min(offer.chips_per_host, offer.chips),
        topology=offer.topology,
        selector={**selector, **offer.node_selector},
    )


def _offer(
    name: str, spec: AcceleratorClassSpec, topology: str, chips_per_host: int | None
) -> Topology | Problem:
    offers = [offer for offer in spec.topologies if offer.topology == topology]
    rule = spec.large_topologies
    if rule is not None and topologies.offered_by_rule(rule, topology):
        offers.append(Topology(topology=topology, chips_per_host=rule.chips_per_host))
    if not offers:
        near = ", ".join(topologies.nearest(spec, topology))
        return Problem(
            f"{FIELD}.topology",
            f"topology {topology} is not offered by {name}",
            f"nearest: {near}" if near else f"offered: {topologies.all_listed(spec)}",
        )
    for offer in offers:
        if chips_per_host in (None, offer.chips_per_host):
            return offer
    counts = " or ".join(str(offer.chips_per_host) for offer in offers)
    return Problem(
        f"{FIELD}.chipsPerHost",
        f"{name} has no {topology} on hosts of {chips_per_host} chips",
        f"leave it out, or use {counts}",
    )


def _by_count(
    name: str, spec: AcceleratorClassSpec, request: Accelerator
) -> SliceLayout | tuple[Problem, ...]:
    problems: list[Problem] = []
    how = "hosts" if spec.resource is None else "hosts and chipsPerHost"
    if request.topology is not None:
        problems.append(
            Problem(
                f"{FIELD}.topology",
                f"{request.topology} is given, but {name} has no topologies",
                f"remove topology and give {how}",
            )
        )
    chips = request.chips_per_host
    allowed = ", ".join(map(str, spec.chips_per_host))
    if spec.resource is None:
        if chips is not None:
            problems.append(
                Problem(
                    f"{FIELD}.chipsPerHost",
                    f"{chips} is given, but {name} has no chips to count",
                    "remove chipsPerHost; ask for cores in the jax container's resources",
                )
            )
    elif chips is None:
        problems.append(
            Problem(
                f"{FIELD}.chipsPerHost",
                f"is missing, and {name} is asked for by chips on each host",
                f"give one of: {allowed}" if allowed else "give the chips of each host",
            )
        )
    elif spec.chips_per_host and chips not in spec.chips_per_host:
        problems.append(
            Problem(
                f"{FIELD}.chipsPerHost",
                f"{name} is not offered with {chips} chips on a host",
                f"use one of: {allowed}",
            )
        )
    if problems:
        return tuple(problems)
    return _layout(
        name,
        spec,
        request,
        hosts=request.hosts or 1,
        chips_per_host=chips or 0,
        topology=None,
        selector=dict(spec.node_selector),
    )


def _layout(
    name: str,
    spec: AcceleratorClassSpec,
    request: Accelerator,
    *,
    hosts: int,
    chips_per_host: int,
    topology: str | None,
    selector: dict[str, str],
) -> SliceLayout:
    return SliceLayout(
        class_name=name,
        platform=spec.platform,
        slices=request.slices,
        hosts=hosts,
        chips_per_host=chips_per_host,
        resource=spec.resource,
        topology=topology,
        node_selector=tuple(sorted(selector.items())),
        node_selector_terms=spec.node_selector_terms,
        tolerations=spec.tolerations,
        slice_label=spec.slice_label if topology is not None and hosts > 1 else None,
        devices_per_chip=spec.devices_per_chip,
    )
