"""AcceleratorClass: one kind of accelerator and how to get it, as data.

Two shapes of device. A *topology* device (TPU) is asked for as `topology: 4x4`; the hosts follow
from it. A *counted* device (GPU, or none on cpu) is asked for as `hosts` and `chipsPerHost`.
"""

from math import prod
from typing import Annotated, Literal

from pydantic import Field

from .common import KubeModel, LabelKey, LabelValue, ObjectMeta, Quantity

Vendor = Literal["Google", "NVIDIA", "AMD", "CPU"]
Platform = Literal["tpu", "cuda", "rocm", "cpu"]
PLATFORMS: dict[Vendor, Platform] = {
    "Google": "tpu",
    "NVIDIA": "cuda",
    "AMD": "rocm",
    "CPU": "cpu",
}

TopologyName = Annotated[str, Field(pattern=r"^[1-9][0-9]*(x[1-9][0-9]*){1,2}$", max_length=16)]
NodeSelector = Annotated[dict[LabelKey, LabelValue], Field(max_length=16)]
ChipCount = Annotated[int, Field(ge=1, le=64)]


def axes(topology: str) -> tuple[int, ...]:
    """`4x4x8` -> `(4, 4, 8)`: chips along each axis."""
    return tuple(int(axis) for axis in topology.split("x"))


class NodeSelectorRequirement(KubeModel):
    """A requirement on one node label, as in a pod's node affinity."""

    key: LabelKey
    """The label's key."""

    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """How the label is compared with `values`."""

    values: Annotated[tuple[LabelValue, ...], Field(max_length=32)] = ()
    """What it is compared with; empty for Exists and DoesNotExist, one integer for Gt and Lt."""


class NodeSelectorTerm(KubeModel):
    """Nodes on which all requirements hold."""

    match_expressions: Annotated[
        tuple[NodeSelectorRequirement, ...], Field(min_length=1, max_length=16)
    ]
    """The requirements, as in a pod's node affinity."""


class Toleration(KubeModel):
    """A taint of the accelerator's nodes that its pods tolerate."""

    key: Annotated[str, Field(max_length=317)] | None = None
    """The taint's key."""

    operator: Literal["Exists", "Equal"] = "Equal"
    """Exists tolerates every value of the taint."""

    value: LabelValue | None = None
    """The taint's value, for Equal."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; every effect if absent."""


class Topology(KubeModel):
    """One topology that the accelerator is offered in, on hosts of one size."""

    topology: TopologyName
    """Chips along each axis, such as 4x4 or 2x2x4."""

    chips_per_host: ChipCount
    """Chips of each host. The hosts of a slice follow: chips of the topology / chipsPerHost."""

    node_selector: NodeSelector = Field(default_factory=dict)
    """Node labels for this topology, on top of the class's own and winning over them."""

    @property
    def chips(self) -> int:
        return prod(axes(self.topology))

    @property
    def hosts(self) -> int:
        return max(1, self.chips // self.chips_per_host)


class LargeTopologies(KubeModel):
    """A rule for the topologies that are too many to list."""

    dimensions: Annotated[int, Field(ge=2, le=3)]
    """Axes of every such topology."""

    axis_multiple: Annotated[int, Field(ge=1, le=64)]
    """Every axis is a multiple of this, and no axis is longer than the one after it."""

    max_chips: Annotated[int, Field(ge=1, le=1_000_000)]
    """Chips of the largest one."""

    chips_per_host: ChipCount
    """Chips of each host."""


class AheadOfTime(KubeModel):
    """How the compiler is told of this accelerator where there is none."""

    topology_prefix: Annotated[str, Field(pattern=r"^[a-z0-9]+$", max_length=16)]
    """What its compiler (libtpu) calls it: the v5e of v5e:4x4."""

    chip_config: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=32)] | None = None
    """How the compiler is to take a chip, such as megacore, where it would take it otherwise than
    JAX does on the chip itself."""


class Price(KubeModel):
    """What a chip costs, as the cluster's admin knows it. None is shipped."""

    per_chip_hour: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", max_length=32)]
    """Price of one chip for one hour, as a decimal string such as "1.20"."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """ISO 4217 code, such as USD."""

    as_of: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    """The day on which the price held, such as 2026-11-01."""

    source: Annotated[str, Field(min_length=1, max_length=1024)]
    """Where the price is from: a contract, a bill, a page."""


class AcceleratorClassSpec(KubeModel):
    """The accelerator, and how its nodes are found."""

    vendor: Vendor
    """Whose device it is; tells which JAX platform to expect (tpu, cuda, rocm or cpu)."""

    description: Annotated[str, Field(max_length=1024)] | None = None
    """One line for people."""

    resource: LabelKey | None = None
    """Extended resource that the nodes advertise, such as google.com/tpu. Absent for CPU."""

    node_selector: NodeSelector = Field(default_factory=dict)
    """Node labels that all nodes of this accelerator have."""

    node_selector_terms: Annotated[tuple[NodeSelectorTerm, ...], Field(max_length=16)] = ()
    """Alternatives, as in a pod's node affinity: at least one term has to hold. For an accelerator
    that clouds and device plugins label differently."""

    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = ()
    """Taints of these nodes that the pods tolerate."""

    topology_label: LabelKey | None = None
    """Node label whose value is the topology; selected on besides nodeSelector."""

    slice_label: LabelKey | None = None
    """Node label that is the same on all hosts of one physical slice, and different between slices,
    such as cloud.google.com/gke-nodepool. Slices of several hosts are placed by it."""

    topologies: Annotated[tuple[Topology, ...], Field(max_length=64)] = ()
    """The topologies on offer. Where one is offered with several chipsPerHost, the first is taken
    unless the job says otherwise."""

    large_topologies: LargeTopologies | None = None
    """Topologies on offer besides the listed ones, by a rule."""

    chips_per_host: Annotated[tuple[ChipCount, ...], Field(max_length=64)] = ()
    """For an accelerator without topologies: how many chips a host can be asked for."""

    memory_per_chip: Quantity | None = None
    """Device memory of one chip."""

    devices_per_chip: Annotated[int, Field(ge=1, le=16)] = 1
    """JAX devices that one chip appears as."""

    ahead_of_time: AheadOfTime | None = None
    """How JAX compiles for it without it; absent where it cannot. Warmups with aheadOfTime need
    it."""

    price: Price | None = None
    """What a chip costs here; absent if nobody said."""

    @property
    def platform(self) -> Platform:
        return PLATFORMS[self.vendor]

    @property
    def has_topologies(self) -> bool:
        return bool(self.topologies) or self.large_topologies is not None


class AcceleratorClass(KubeModel):
    """A kind of accelerator that jobs ask for by name: its resource, node labels, taints and
    topologies. A new device is a manifest of this kind."""

    api_version: Literal["jaxop.dev/v1alpha1"] = "jaxop.dev/v1alpha1"
    kind: Literal["AcceleratorClass"] = "AcceleratorClass"
    metadata: ObjectMeta
    spec: AcceleratorClassSpec
    """The accelerator, and how its nodes are found."""
