"""Names and labels of a CompileCache's children."""

from jaxop.api.v1alpha1 import CompileCache
from jaxop.api.v1alpha1.labels import COMPILE_CACHE, KEEPER, MANAGED_BY, MANAGED_BY_VALUE


def made_claim(cache: str) -> str:
    return f"{cache}-cache"


def claim_of(cache: CompileCache) -> str:
    return cache.spec.storage.claim_name or made_claim(cache.metadata.name)


def keeper(cache: str) -> str:
    """Of the Deployment and of its ConfigMap."""
    return f"{cache}-keeper"


def labels(cache: str) -> dict[str, str]:
    return {MANAGED_BY: MANAGED_BY_VALUE, COMPILE_CACHE: cache}


def keeper_labels(cache: str) -> dict[str, str]:
    """Of the keeper's pods, which readers' pods never have."""
    return {**labels(cache), KEEPER: cache}
