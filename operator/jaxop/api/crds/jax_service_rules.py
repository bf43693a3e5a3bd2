"""What a JaxService has to satisfy beyond the shape of its fields."""

from collections.abc import Mapping

from jaxop.api.v1alpha1.common import KubeModel
from jaxop.api.v1alpha1.jaxservice import JaxService, JaxServiceSpec, Model, Rollout

from .rule import Rule

MAX_NAME_LENGTH = 32
"""A replica of several hosts is a JaxJob <name>-<revision>-<number>, and its name has at most 45."""

_RESERVED = "['/jaxop', '/jaxop-cache', '/dev', '/proc', '/sys', '/etc', '/tmp']"

RULES: Mapping[type[KubeModel], tuple[Rule, ...]] = {
    JaxService: (
        Rule(
            f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            f"at most {MAX_NAME_LENGTH} characters: replicas get a suffix, and a host name has at "
            "most 63; choose a shorter name",
            field=".metadata.name",
        ),
        Rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "becomes part of host names: begin with a letter and use only a-z, 0-9 and -, without "
            "dots",
            field=".metadata.name",
        ),
    ),
    JaxServiceSpec: (
        Rule(
            "!has(self.accelerator.slices) || self.accelerator.slices == 1",
            "a replica is one slice: remove it, and set spec.replicas for more",
            field=".accelerator.slices",
        ),
        Rule(
            "has(self.runtime) || (has(self.template) && self.template.spec.containers.all("
            "c, c.name != 'jax' || (has(c.image) && size(c.image) > 0)))",
            'the container "jax" needs an image with Python, JAX and the model in it, or '
            "spec.runtime a JaxRuntime that has one",
            field=".template",
            reason="FieldValueRequired",
        ),
        Rule(
            "!has(self.buckets) || self.buckets.all(name, self.buckets[name].isSorted())",
            "sizes have to ascend, such as batch: [1, 8, 64]",
            field=".buckets",
        ),
        Rule(
            "!has(self.buckets) || self.buckets.all(name, name.size() <= 63"
            " && name.matches('^[A-Za-z_][A-Za-z0-9_]*$'))",
            "a dimension is named as in the model: letters, digits and _, such as batch or length",
            field=".buckets",
        ),
        Rule(
            "!has(self.model.volume) || !has(self.template) || !self.template.spec.containers.exists(c, c.name == 'jax'"
            " && has(c.volumeMounts) && c.volumeMounts.exists(m, m.mountPath == self.model.path))",
            'the container "jax" already mounts a volume there: remove that mount, or set another '
            "path",
            field=".model.path",
        ),
    ),
    Model: (
        Rule(
            f"!(self.path in {_RESERVED}) && !self.path.startsWith('/jaxop/')"
            " && !self.path.startsWith('/jaxop-cache/')",
            "is where the operator or the system puts its own files: choose another path, such as "
            "/models",
            field=".path",
            reason="FieldValueForbidden",
        ),
    ),
    Rollout: (
        Rule(
            "self.strategy == 'Recreate' || self.maxSurge > 0 || self.maxUnavailable > 0",
            "with maxSurge 0 no replica can be replaced unless one may be away: set maxSurge or "
            "maxUnavailable to at least 1, or strategy to Recreate",
            field=".maxUnavailable",
        ),
    ),
}
