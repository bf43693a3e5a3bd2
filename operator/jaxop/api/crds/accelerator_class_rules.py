"""What an AcceleratorClass has to satisfy beyond the shape of its fields."""

from collections.abc import Mapping

from jaxop.api.v1alpha1.accelerator_class import (
    AcceleratorClassSpec,
    LargeTopologies,
    NodeSelectorRequirement,
    Toleration,
    Topology,
)
from jaxop.api.v1alpha1.common import KubeModel

from .rule import Rule

_CHIPS = (
    "(self.topology.split('x').size() == 2"
    " ? int(self.topology.split('x')[0]) * int(self.topology.split('x')[1])"
    " : int(self.topology.split('x')[0]) * int(self.topology.split('x')[1])"
    " * int(self.topology.split('x')[2]))"
)

RULES: Mapping[type[KubeModel], tuple[Rule, ...]] = {
    AcceleratorClassSpec: (
        Rule(
            "self.vendor == 'CPU' || has(self.resource)",
            "an accelerator needs the name of its extended resource, such as nvidia.com/gpu",
            field=".resource",
            reason="FieldValueRequired",
        ),
        Rule(
            "self.vendor != 'CPU' || !(has(self.resource) || has(self.topologies)"
            " || has(self.largeTopologies) || has(self.chipsPerHost))",
            "vendor CPU has no chips: remove resource, topologies, largeTopologies and "
            "chipsPerHost, or set another vendor",
            field=".vendor",
        ),
        Rule(
            "!has(self.chipsPerHost) || !(has(self.topologies) || has(self.largeTopologies))",
            "set either topologies (TPU) or chipsPerHost (GPU): a topology says its own",
            field=".chipsPerHost",
            reason="FieldValueForbidden",
        ),
        Rule(
            "self.vendor == 'CPU' || has(self.chipsPerHost) || has(self.topologies)"
            " || has(self.largeTopologies)",
            "set topologies (TPU) or chipsPerHost (GPU), or no job can ask for a chip",
            field=".chipsPerHost",
            reason="FieldValueRequired",
        ),
        Rule(
            "!has(self.topologyLabel) || has(self.topologies) || has(self.largeTopologies)",
            "is of no use without topologies: remove it, or list the topologies",
            field=".topologyLabel",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.sliceLabel) || has(self.topologies) || has(self.largeTopologies)",
            "is of no use without topologies, as such slices have no shape: remove it; jobs can "
            "set spec.scheduling.topologyKey",
            field=".sliceLabel",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.aheadOfTime) || (self.vendor == 'Google'"
            " && (has(self.topologies) || has(self.largeTopologies)))",
            "is only for TPUs with topologies: JAX describes no other device that is not there",
            field=".aheadOfTime",
            reason="FieldValueForbidden",
        ),
    ),
    Topology: (
        Rule(
            f"{_CHIPS} % self.chipsPerHost == 0",
            "does not divide the chips of the topology: every host of a slice has as many",
            says=(
                "'does not divide the chips of ' + self.topology"
                " + ': every host of a slice has as many'"
            ),
            field=".chipsPerHost",
        ),
    ),
    LargeTopologies: (
        Rule(
            "(self.dimensions == 2 ? self.axisMultiple * self.axisMultiple"
            " : self.axisMultiple * self.axisMultiple * self.axisMultiple) % self.chipsPerHost"
            " == 0",
            "does not divide the chips of the smallest such topology",
            field=".chipsPerHost",
        ),
    ),
    NodeSelectorRequirement: (
        Rule(
            "self.operator in ['Exists', 'DoesNotExist'] ? (!has(self.values)"
            " || size(self.values) == 0) : (has(self.values) && size(self.values) > 0)",
            "give values for In, NotIn, Gt and Lt, and none for Exists and DoesNotExist",
            field=".values",
        ),
    ),
    Toleration: (
        Rule(
            "self.operator == 'Equal' ? has(self.key) : !has(self.value)",
            "Equal needs a key; Exists takes no value",
            field=".operator",
        ),
    ),
}
