"""Why pods cannot be placed: which resource is missing on which kind of node.

The scheduler counts nodes by its own reasons ("0/3 nodes are available: ..."), which change with
every node of the cluster. With the nodes at hand the answer is about the ones that matter: those
of the accelerator.
"""

import re
from collections.abc import Sequence

from jaxop.api.v1alpha1.accelerator_class import NodeSelectorRequirement
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.views import NodeView, PodView, Taint

_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)" (not found|is being deleted)')
_COUNTS = re.compile(r"^\d+/\d+ nodes are available: ")
_JOINING = "didn't match pod affinity rules"
_APART = (
    "didn't match pod anti-affinity rules",
    "didn't satisfy existing pods anti-affinity rules",
)
"""The scheduler's own words (pkg/scheduler/framework/plugins/interpodaffinity)."""
_PREEMPTION = re.compile(r"\s*preemption: .*$")


def explain(
    pods: Sequence[PodView],
    layout: SliceLayout,
    selector: dict[str, str],
    tolerations: Sequence[dict[str, object]],
    nodes: Sequence[NodeView] | None,
    domain_key: str | None = None,
    otherwise: str = "change spec.accelerator",
) -> str:
    """One sentence. `pods` are the ones that the scheduler could not place, at least one.

    `selector` and `tolerations` are the pods' own, as built; `domain_key` is the node label that
    slices are placed by. `otherwise` is what to do where such nodes cannot be had.
    """
    told = pods[0].unschedulable or ""
    who = f"{len(pods)} of {layout.processes} pods cannot be scheduled"
    claim = _CLAIM.search(told)
    if claim:
        why = "is being deleted" if "deleted" in claim[2] else "does not exist"
        return (
            f"{who}: PersistentVolumeClaim {claim[1]} {why}; create it, or change "
            "spec.checkpoint.volumeClaim or the template's volumes"
        )
    if nodes is None:
        return f"{who}: {in_short(told)}"
    verdict = _verdict(layout, selector, tolerations, nodes, told, domain_key, otherwise)
    return f"{who}: {_needs(layout, selector)}; {verdict}"


def _needs(layout: SliceLayout, selector: dict[str, str]) -> str:
    what = f"{layout.resource}: {layout.chips_per_host}" if layout.resource else "room"
    if selector:
        where = f" on a node with {_labels(selector)}"
    elif layout.node_selector_terms:
        where = f" on a node of AcceleratorClass {layout.class_name}"
    else:
        where = " on a node"
    return f"each needs {what}{where}"


def _verdict(
    layout: SliceLayout,
    selector: dict[str, str],
    tolerations: Sequence[dict[str, object]],
    nodes: Sequence[NodeView],
    told: str,
    domain_key: str | None,
    otherwise: str,
) -> str:
    if not nodes:
        return "there are no nodes"
    right = [n for n in nodes if _selected(n, selector) and _terms_hold(n, layout)]
    matching = f"{len(right)} of {len(nodes)} nodes match"
    if not right:
        others = _others(layout, selector, nodes)
        return f"{matching}{others}; add such nodes, or {otherwise}"
    usable = [n for n in right if not n.cordoned and not _repelling(n, tolerations)]
    if not usable:
        repelled = next((n for n in right if _repelling(n, tolerations)), None)
        if repelled is None:
            return f"{matching}, but are cordoned; uncordon them (kubectl uncordon {right[0].name})"
        taint = _repelling(repelled, tolerations)[0]
        return (
            f"{matching}, but have the taint {taint}, which the pods do not tolerate; add it to "
            f"the tolerations of AcceleratorClass {layout.class_name} or of the template"
        )
    if layout.resource:
        most = max(_amount(n, layout.resource) for n in usable)
        if most < layout.chips_per_host:
            return (
                f"{matching}, but offer at most {layout.resource}: {most}; check the device "
                "plugin, or ask for less"
            )
    placed = _by_domain(domain_key, usable, told) if domain_key is not None else ""
    if placed:
        return f"{matching}, but {placed}"
    if layout.resource and f"Insufficient {layout.resource}" in told:
        return f"{matching}, but other pods use them; wait, or free them"
    return f"{matching}, but: {in_short(told)}"


def _by_domain(key: str, nodes: Sequence[NodeView], told: str) -> str:
    """What the rule "a slice has a domain of its own" makes of it; "" where that is not why."""
    domains = {node.labels[key] for node in nodes if key in node.labels}
    if _JOINING in told and not domains:
        return (
            f"none has the label {key}, by which slices are kept apart; label them, or set "
            "spec.scheduling.topologyKey to a label that they have"
        )
    if _JOINING in told:
        return (
            f"pods of their slice run in a {key} that has no room for the rest; free nodes there, "
            "or wait: the slice will be placed anew"
        )
    if any(words in told for words in _APART):
        return (
            f"each slice needs a {key} of its own, and none of the {len(domains)} is free of other "
            "JaxJobs; wait, or add one"
        )
    return ""


def _others(layout: SliceLayout, selector: dict[str, str], nodes: Sequence[NodeView]) -> str:
    """What the nodes that have the resource have instead of the wanted labels."""
    if layout.resource is None:
        return ""
    having = [n for n in nodes if _amount(n, layout.resource) > 0]
    if not having:
        return f", and none has {layout.resource}"
    closest = max(
        having, key=lambda n: (sum(n.labels.get(k) == v for k, v in selector.items()), n.name)
    )
    differing = {
        k: closest.labels.get(k) for k, v in selector.items() if closest.labels.get(k) != v
    }
    told = ", ".join(f"{k}={v}" if v is not None else f"no {k}" for k, v in differing.items())
    return f" ({closest.name} has {layout.resource} but {told})" if told else ""


def _selected(node: NodeView, selector: dict[str, str]) -> bool:
    return all(node.labels.get(key) == value for key, value in selector.items())


def _terms_hold(node: NodeView, layout: SliceLayout) -> bool:
    terms = layout.node_selector_terms
    return not terms or any(
        all(_holds(node, requirement) for requirement in term.match_expressions) for term in terms
    )


def _holds(node: NodeView, requirement: NodeSelectorRequirement) -> bool:
    value = node.labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            if value is None or not _is_int(value) or not _is_int(*requirement.values[:1]):
                return False
            bound = int(requirement.values[0])
            return int(value) > bound if requirement.operator == "Gt" else int(value) < bound


def _repelling(node: NodeView, tolerations: Sequence[dict[str, object]]) -> list[Taint]:
    return [
        taint
        for taint in node.taints
        if taint.effect in ("NoSchedule", "NoExecute")
        and not any(_tolerates(toleration, taint) for toleration in tolerations)
    ]


def _tolerates(toleration: dict[str, object], taint: Taint) -> bool:
    if toleration.get("effect") not in (None, "", taint.effect):
        return False
    key = toleration.get("key")
    if not key:
        return toleration.get("operator") == "Exists"
    if key != taint.key:
        return False
    return toleration.get("operator") == "Exists" or (toleration.get("value") or "") == taint.value


def in_short(told: str) -> str:
    """The scheduler's sentence without what it says on preemption and without its counts."""
    text = _PREEMPTION.sub("", _COUNTS.sub("", told.strip()))
    return text.rstrip(". ") or "the scheduler does not say why"


def _labels(selector: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _amount(node: NodeView, resource: str) -> int:
    text = node.allocatable.get(resource, "0")
    return int(text) if _is_int(text) else 0


def _is_int(text: str = "") -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
