"""What a Warmup has to satisfy beyond the shape of its fields."""

from collections.abc import Mapping

from jaxop.api.v1alpha1.common import KubeModel
from jaxop.api.v1alpha1.warmup import Warmup, WarmupSpec

from .rule import Rule

MAX_NAME_LENGTH = 36
"""Its JaxJobs are called <name>-verify<n>, and a JaxJob's name has at most 45 characters."""

UNCHANGEABLE = "cannot change after creation: delete the Warmup and create it anew"


def _unchangeable(field: str) -> Rule:
    return Rule(
        f"self.{field} == oldSelf.{field}",
        UNCHANGEABLE,
        field=f".{field}",
        reason="FieldValueForbidden",
    )


RULES: Mapping[type[KubeModel], tuple[Rule, ...]] = {
    Warmup: (
        Rule(
            f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            f"at most {MAX_NAME_LENGTH} characters: its pods get a suffix, and a host name has at "
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
    WarmupSpec: (
        _unchangeable("compileCache"),
        _unchangeable("accelerator"),
        _unchangeable("template"),
        _unchangeable("aheadOfTime"),
        Rule(
            "!self.aheadOfTime || !has(self.accelerator.slices) || self.accelerator.slices == 1",
            "compiles for one slice: leave out accelerator.slices, or compile on the accelerator",
            field=".aheadOfTime",
        ),
        Rule(
            "has(self.runtime) == has(oldSelf.runtime)"
            " && (!has(self.runtime) || self.runtime == oldSelf.runtime)",
            UNCHANGEABLE,
            field=".runtime",
            reason="FieldValueForbidden",
        ),
        Rule(
            "has(self.runtime) || !has(self.template.spec) || self.template.spec.containers.all("
            "c, c.name != 'jax' || (has(c.image) && size(c.image) > 0))",
            'the container "jax" needs an image with Python and the program in it, or '
            "spec.runtime a JaxRuntime that has one",
            field=".template",
            reason="FieldValueRequired",
        ),
    ),
}
