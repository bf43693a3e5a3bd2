"""What a JaxRuntime has to satisfy beyond the shape of its fields."""

from collections.abc import Mapping

from jaxop.api.v1alpha1.common import KubeModel
from jaxop.api.v1alpha1.jax_runtime import JaxRuntime, JaxRuntimeSpec

from .pod_template import is_reserved
from .rule import Rule

MAX_NAME_LENGTH = 63
"""It is the value of a label on the pods that verify it."""

RULES: Mapping[type[KubeModel], tuple[Rule, ...]] = {
    JaxRuntime: (
        Rule(
            f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            f"at most {MAX_NAME_LENGTH} characters, as its pods carry it as a label; choose a "
            "shorter name",
            field=".metadata.name",
        ),
    ),
    JaxRuntimeSpec: (
        Rule(
            f"!has(self.env) || self.env.all(e, !{is_reserved('e.name')})",
            "the operator sets these variables for each process: remove JAXRUN_*, OMPI_*, TPU_*, "
            "MEGASCALE_* and JAX_COORDINATOR_*",
            field=".env",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.env) || self.env.all(e, e.name != 'XLA_FLAGS')",
            "write them one by one in xlaFlags: they are part of what a compiled program is kept "
            "under",
            field=".env",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.env) || self.env.all(e, e.name != 'LIBTPU_INIT_ARGS')",
            "write them one by one in libtpuInitArgs: they are part of what a compiled program is "
            "kept under",
            field=".env",
            reason="FieldValueForbidden",
        ),
    ),
}
