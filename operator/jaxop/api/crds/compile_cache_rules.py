"""What a CompileCache has to satisfy beyond the shape of its fields."""

from collections.abc import Mapping

from jaxop.api.v1alpha1.common import KubeModel
from jaxop.api.v1alpha1.compile_cache import CacheStorage, CompileCache, CompileCacheSpec

from .rule import Rule

MAX_NAME_LENGTH = 50
"""The keeper's pod is called <name>-keeper-<hash>, and a label has at most 63 characters."""

RULES: Mapping[type[KubeModel], tuple[Rule, ...]] = {
    CompileCache: (
        Rule(
            f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            f"at most {MAX_NAME_LENGTH} characters: the keeper's objects get a suffix; choose a "
            "shorter name",
            field=".metadata.name",
        ),
        Rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "becomes part of host names: begin with a letter and use only a-z, 0-9 and -, without "
            "dots",
            field=".metadata.name",
        ),
    ),
    CompileCacheSpec: (
        Rule(
            "self.storage == oldSelf.storage",
            "cannot change after creation: delete the CompileCache and create it anew",
            field=".storage",
            reason="FieldValueForbidden",
        ),
    ),
    CacheStorage: (
        Rule(
            "has(self.size) || has(self.claimName)",
            "set size, such as 100Gi, for a volume of the operator's making, or claimName for a "
            "claim of your own",
            reason="FieldValueRequired",
        ),
        Rule(
            "!(has(self.size) && has(self.claimName))",
            "the claim that claimName names has its own size: remove size, or remove claimName",
            field=".size",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!(has(self.storageClassName) && has(self.claimName))",
            "the claim that claimName names has its own class: remove storageClassName",
            field=".storageClassName",
            reason="FieldValueForbidden",
        ),
    ),
}
