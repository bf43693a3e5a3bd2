"""A pydantic model as a structural OpenAPI v3 schema, as CustomResourceDefinitions want it.

Pydantic speaks JSON schema with references; a CRD wants everything in place, no nulls, no titles,
and Kubernetes' own words for how lists merge. A status is only typed: a newer operator that writes
a value an older CRD does not know must not lose its whole status for it.
"""

import copy
from collections.abc import Mapping
from typing import Any

from jaxop.api.v1alpha1.accelerator_class import Topology
from jaxop.api.v1alpha1.common import Condition, KubeModel
from jaxop.api.v1alpha1.compile_cache import CacheNamespace
from jaxop.api.v1alpha1.jax_runtime import EnvironmentVariable, RuntimeFound
from jaxop.api.v1alpha1.jaxservice import JaxService
from jaxop.api.v1alpha1.jaxservice_status import RevisionStanding

from . import (
    accelerator_class_rules,
    compile_cache_rules,
    jax_runtime_rules,
    jax_service_rules,
    jaxjob_rules,
    warmup_rules,
)
from .pattern_rules import explained
from .pod_template import POD_TEMPLATE
from .rule import Rule, validations
from .server_template import SERVER_TEMPLATE, VOLUME_SOURCE

Schema = dict[str, Any]

RULES: Mapping[type[KubeModel], tuple[Rule, ...]] = {
    **jaxjob_rules.RULES,
    **accelerator_class_rules.RULES,
    **compile_cache_rules.RULES,
    **warmup_rules.RULES,
    **jax_runtime_rules.RULES,
    **jax_service_rules.RULES,
}
LIST_KEYS: Mapping[str, tuple[str, ...]] = {
    Condition.__name__: ("type",),
    Topology.__name__: ("topology", "chipsPerHost"),
    CacheNamespace.__name__: ("digest",),
    EnvironmentVariable.__name__: ("name",),
    RuntimeFound.__name__: ("accelerator",),
    RevisionStanding.__name__: ("name",),
}
KEPT = {
    "type",
    "format",
    "description",
    "default",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
}
NOT_IN_STATUS = {"default", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength"}
STANDARD: Mapping[str, Schema] = {
    "apiVersion": {
        "type": "string",
        "description": "Version of the schema of this object, such as jaxop.dev/v1alpha1.",
    },
    "kind": {"type": "string", "description": "Kind of this object."},
    "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 253}}},
}


def structural_schema(model: type[KubeModel]) -> Schema:
    """The `openAPIV3Schema` of a kind."""
    source = model.model_json_schema(by_alias=True, mode="validation")
    rules = {m.__name__: validations(*r) for m, r in RULES.items()}
    schema = _convert(source, source.get("$defs", {}), rules)
    schema.update(copy.deepcopy(rules.get(model.__name__, {})))
    properties = schema["properties"]
    properties.update(copy.deepcopy(dict(STANDARD)))
    spec = properties["spec"]["properties"]
    if "template" in spec:
        passed = SERVER_TEMPLATE if model is JaxService else POD_TEMPLATE
        spec["template"] = copy.deepcopy(passed) | _said_of(spec["template"])
    if model is JaxService:
        source = spec["model"]["properties"]
        source["volume"] = copy.deepcopy(VOLUME_SOURCE) | _said_of(source["volume"])
    if "status" in properties:
        properties["status"] = _only_typed(properties["status"])
    schema["required"] = ["spec"]
    return schema


def _said_of(field: Schema) -> Schema:
    return {name: field[name] for name in ("description", "default") if name in field}


def _convert(source: Schema, defs: Mapping[str, Schema], rules: Mapping[str, Schema]) -> Schema:
    if "$ref" in source:
        name = source["$ref"].rsplit("/", 1)[-1]
        target = _convert(defs[name], defs, rules) | copy.deepcopy(dict(rules.get(name, {})))
        return target | {k: _tidy(k, v) for k, v in source.items() if k in KEPT}
    if "anyOf" in source:
        (option,) = (each for each in source["anyOf"] if each.get("type") != "null")
        outer = {k: v for k, v in source.items() if k != "anyOf"}
        if outer.get("default", ...) is None:
            del outer["default"]
        return _convert(option | outer, defs, rules)
    schema = {k: _tidy(k, v) for k, v in source.items() if k in KEPT}
    if schema.get("type") == "array":
        schema["items"] = _convert(source["items"], defs, rules)
        schema.update(_list_type(source["items"]))
        if schema.get("default") == []:
            del schema["default"]
    elif "properties" in source:
        schema["properties"] = {
            name: _convert(each, defs, rules) for name, each in source["properties"].items()
        }
    elif schema.get("type") == "object":
        values = source.get("additionalProperties")
        if values is None or values is True:
            (values,) = source.get("patternProperties", {"": {"type": "string"}}).values()
        schema["additionalProperties"] = _convert(values, defs, rules)
    elif schema.get("type") == "number":
        schema["format"] = "double"
    return explained(schema)


def _list_type(items: Schema) -> Schema:
    name = items.get("$ref", "").rsplit("/", 1)[-1]
    if name in LIST_KEYS:
        return {
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": list(LIST_KEYS[name]),
        }
    return {"x-kubernetes-list-type": "set" if items.get("type") == "integer" else "atomic"}


def _only_typed(schema: Schema) -> Schema:
    enum = schema.get("enum")
    out = {k: v for k, v in schema.items() if k not in NOT_IN_STATUS}
    out.pop("x-kubernetes-validations", None)
    if enum:
        out["description"] = f"{schema['description']} One of {', '.join(enum)}."
    if "properties" in schema:
        out["properties"] = {name: _only_typed(p) for name, p in schema["properties"].items()}
    if "items" in schema:
        out["items"] = _only_typed(schema["items"])
    return out


def _tidy(key: str, value: Any) -> Any:
    if key == "description":
        return " ".join(value.split())
    return _without_nulls(value) if key == "default" else copy.deepcopy(value)


def _without_nulls(value: Any) -> Any:
    """An absent field of a default object: the API server refuses null where a type is said."""
    if not isinstance(value, dict):
        return copy.deepcopy(value)
    return {name: _without_nulls(each) for name, each in value.items() if each is not None}
