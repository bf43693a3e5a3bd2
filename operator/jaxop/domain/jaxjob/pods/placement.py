"""Where a slice's pods may run: the class's demands joined with the user's own."""

import copy
from collections.abc import Iterable
from itertools import product
from typing import Any

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.accelerator_class import NodeSelectorTerm
from jaxop.domain.devices import SliceLayout


def place(pod_spec: Manifest, layout: SliceLayout) -> None:
    """Adds node selector, affinity and tolerations to a pod's spec, in place."""
    if layout.node_selector:
        pod_spec["nodeSelector"] = {
            **(pod_spec.get("nodeSelector") or {}),
            **dict(layout.node_selector),
        }
    if layout.node_selector_terms:
        _require_one_of(pod_spec, [_term(term) for term in layout.node_selector_terms])
    wanted = [toleration.to_manifest() for toleration in layout.tolerations]
    present = pod_spec.get("tolerations") or []
    added = [toleration for toleration in wanted if toleration not in present]
    if added:
        pod_spec["tolerations"] = [*present, *added]


def _require_one_of(pod_spec: Manifest, terms: list[Manifest]) -> None:
    """Terms of a node affinity are alternatives, so two lists of them join as a product."""
    affinity: dict[str, Any] = copy.deepcopy(pod_spec.get("affinity") or {})
    node_affinity = affinity.setdefault("nodeAffinity", {})
    required = node_affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    users = required.get("nodeSelectorTerms") or []
    required["nodeSelectorTerms"] = [
        _both(user, ours) for user, ours in product(users or [{}], terms)
    ]
    pod_spec["affinity"] = affinity


def _both(user: Manifest, ours: Manifest) -> Manifest:
    expressions = [*(user.get("matchExpressions") or []), *ours["matchExpressions"]]
    return {**user, "matchExpressions": expressions}


def _term(term: NodeSelectorTerm) -> Manifest:
    expressions: Iterable[Manifest] = (
        {
            "key": requirement.key,
            "operator": requirement.operator,
            **({"values": list(requirement.values)} if requirement.values else {}),
        }
        for requirement in term.match_expressions
    )
    return {"matchExpressions": list(expressions)}
