"""All pods of a slice in one topology domain, and no two slices in the same one.

The domain is what spec.scheduling.topologyKey names, or the AcceleratorClass's sliceLabel: the
nodes of one physical TPU slice. Two required affinities do it:

    podAffinity       to one's own slice in this attempt. The first pod has nobody to go to, and
                      Kubernetes lets it through, as it matches its own term; where it lands the
                      others follow, and so does the successor of a lost pod.
    podAntiAffinity   to other slices, of any JaxJob in any namespace. Not to one's own slice of an
                      earlier attempt, whose pods may still be ending: the slice may have its place
                      again as soon as the chips are free.

A domain that has too few nodes for a slice can still get its first pod; the attempt is then made
anew, as any whose pods find no node.
"""

import copy
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.jaxjob import JaxJobSpec
from jaxop.api.v1alpha1.labels import ATTEMPT, JAXJOB, SLICE_KEY
from jaxop.domain.devices import SliceLayout

REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def domain_key(spec: JaxJobSpec, layout: SliceLayout) -> str | None:
    """The node label that slices are placed by; None where they may share nodes."""
    return spec.scheduling.topology_key or layout.slice_label


def keep_together(
    template: Manifest, key: str | None, jaxjob_uid: str, attempt: int, slice_index: int
) -> None:
    """Adds the affinities to a pod template, in place, beside those that it has."""
    if key is None:
        return
    mine = f"{jaxjob_uid}-{slice_index}"
    metadata = template["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), SLICE_KEY: mine}
    own_slice = {"matchLabels": {SLICE_KEY: mine, ATTEMPT: str(attempt)}}
    others = {
        "matchExpressions": [
            {"key": JAXJOB, "operator": "Exists"},
            {"key": SLICE_KEY, "operator": "NotIn", "values": [mine]},
        ]
    }
    pod = template["spec"]
    affinity: dict[str, Any] = copy.deepcopy(pod.get("affinity") or {})
    _require(affinity, "podAffinity", {"labelSelector": own_slice, "topologyKey": key})
    _require(
        affinity,
        "podAntiAffinity",
        {"labelSelector": others, "namespaceSelector": {}, "topologyKey": key},
    )
    pod["affinity"] = affinity


def _require(affinity: dict[str, Any], kind: str, term: Manifest) -> None:
    terms = affinity.get(kind) or {}
    affinity[kind] = {**terms, REQUIRED: [*(terms.get(REQUIRED) or []), term]}
