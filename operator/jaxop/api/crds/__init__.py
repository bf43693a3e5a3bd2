"""Generates the CRDs, and the API's reference page, from the pydantic models.

    python -m jaxop.api.crds write    crds/ and the copy in charts/jax-operator-crds
    python -m jaxop.api.crds check    fails if a file differs from what the models say
    python -m jaxop.api.crds docs     docs/api.md

How data passes: `schema` turns a model into a structural OpenAPI v3 schema; `pod_template` is the
part of a PodTemplateSpec that the rules read; `*_rules` hold what OpenAPI cannot say, as CEL, by
model; `definitions` adds names and printer columns; `files` writes. Nothing here runs inside the
operator, and nothing here knows what an object means beyond its shape.
"""

from .definitions import definitions

__all__ = ["definitions"]
