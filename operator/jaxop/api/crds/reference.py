"""docs/api.md: every field of every kind as a table, from the generated schemas."""

from collections.abc import Iterator
from typing import Any

from jaxop.api.v1alpha1.common import API_VERSION

from .definitions import KINDS, Kind
from .schema import structural_schema

Schema = dict[str, Any]

PASSED_THROUGH = {"template": "PodTemplateSpec", "volume": "Volume"}
"""Fields that Kubernetes defines, and what it calls them."""

INTRODUCTION = f"""\
# API reference: {API_VERSION}

Generated from the models by `make crds`. `kubectl explain jaxjob.spec` tells the same from a
cluster. A field is optional unless marked *required*; a `[]` in its path is any element of a list.
"""


def reference() -> str:
    """The page, in Markdown."""
    return INTRODUCTION + "".join(_kind(kind) for kind in KINDS)


def _kind(kind: Kind) -> str:
    schema = structural_schema(kind.model)
    names = ", ".join(f"`{name}`" for name in (kind.plural, *kind.short_names))
    text = f"\n## {kind.name}\n\n{schema['description']}\n\n{kind.scope}; {names}.\n"
    for part in ("spec", "status"):
        if part in schema["properties"]:
            text += f"\n### {kind.name} {part}\n\n| field | type | what it is |\n|---|---|---|\n"
            text += "".join(_rows(schema["properties"][part], part))
    text += f"\n### {kind.name}: what is refused\n\n| field | what is said |\n|---|---|\n"
    return text + "".join(_rules(schema, ""))


def _rows(schema: Schema, path: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        passed_through = "x-kubernetes-preserve-unknown-fields" in field
        type_ = PASSED_THROUGH[name] if passed_through else _type(field)
        yield _row(where, type_, field, name in schema.get("required", ()))
        if not passed_through:
            inner = field.get("items", field)
            yield from _rows(inner, where + ("[]" if "items" in field else ""))


def _rules(schema: Schema, path: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        where = path + rule.get("fieldPath", "")
        yield f"| `{where.removeprefix('.')}` | {rule['message']} |\n"
    for name, field in schema.get("properties", {}).items():
        yield from _rules(field, f"{path}.{name}")
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


def _row(path: str, type_: str, field: Schema, required: bool) -> str:
    words = [field.get("description", "")]
    if required:
        words.insert(0, "*Required.*")
    if "enum" in field:
        words.append("One of " + ", ".join(f"`{value}`" for value in field["enum"]) + ".")
    if "minimum" in field and "maximum" in field:
        words.append(f"From {field['minimum']} to {field['maximum']}.")
    if "default" in field and field["type"] not in ("object", "array"):
        default = str(field["default"]).lower() if field["type"] == "boolean" else field["default"]
        words.append(f"Default `{default}`.")
    return f"| `{path}` | {type_} | {' '.join(word for word in words if word)} |\n"


def _type(field: Schema) -> str:
    if field["type"] == "array":
        return f"list of {field['items']['type']}"
    if "additionalProperties" in field:
        return f"map of {field['additionalProperties']['type']}"
    return str(field.get("format") if field.get("format") == "date-time" else field["type"])
