"""The generated CRDs: structural, small, documented, and what the models say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jaxop.api.crds import definitions, files
from jaxop.api.crds.__main__ import main
from jaxop.api.crds.definitions import KINDS
from jaxop.api.crds.pattern_rules import REMEDIES

DEFINITIONS = definitions()
CLIENT_SIDE_APPLY_LIMIT_BYTES = 262_144
MAX_BYTES = 96 * 1024

Schema = dict[str, Any]


def schema_of(definition: dict[str, Any]) -> Schema:
    schema: Schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


ALL_NODES = [
    pytest.param(node, id=f"{definition['spec']['names']['kind']}{path}")
    for definition in DEFINITIONS.values()
    for path, node in nodes(schema_of(definition))
]


@pytest.mark.parametrize("node", ALL_NODES)
def test_every_node_is_structural(node: Schema) -> None:
    assert node.keys().isdisjoint({"$ref", "$defs", "title", "oneOf", "allOf", "nullable"})
    assert "type" in node or node.get("x-kubernetes-int-or-string")
    if node.get("type") == "array":
        assert "items" in node
        assert "x-kubernetes-list-type" in node


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_every_field_is_described(definition: dict[str, Any]) -> None:
    schema = schema_of(definition)
    assert schema["description"]
    missing = [
        path
        for part in ("spec", "status")
        for path, node in nodes(schema["properties"].get(part, {}), part)
        if "[]" not in path.rsplit(".", 1)[-1]
        and not path.startswith("spec.template.")
        and "description" not in node
        and node
    ]
    assert missing == []


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_every_rule_says_what_to_do(definition: dict[str, Any]) -> None:
    for path, node in nodes(schema_of(definition)):
        for rule in node.get("x-kubernetes-validations", ()):
            assert len(rule["message"]) > 10, f"{path}: {rule}"
            assert "\n" not in rule["message"]
            assert rule["reason"].startswith("FieldValue")


@pytest.mark.parametrize("name", DEFINITIONS)
def test_small_enough_for_client_side_apply(name: str) -> None:
    assert len(json.dumps(DEFINITIONS[name])) < CLIENT_SIDE_APPLY_LIMIT_BYTES
    assert len((files.REPOSITORY / "crds" / name).read_bytes()) < MAX_BYTES


def test_a_status_is_only_typed() -> None:
    schema = schema_of(DEFINITIONS["jaxop.dev_jaxjobs.yaml"])
    for path, node in nodes(schema["properties"]["status"], "status"):
        unwanted = {"enum", "default", "maxLength", "pattern", "x-kubernetes-validations"}
        assert node.keys().isdisjoint(unwanted), path


@pytest.mark.parametrize("node", ALL_NODES)
def test_no_default_holds_a_null(node: Schema) -> None:
    assert "null" not in json.dumps(node.get("default", {})), node


def test_conditions_are_a_map_by_type() -> None:
    schema = schema_of(DEFINITIONS["jaxop.dev_jaxjobs.yaml"])
    conditions = schema["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_every_explained_pattern_is_one_of_a_model() -> None:
    models = json.dumps([kind.model.model_json_schema() for kind in KINDS])
    assert [pattern for pattern in REMEDIES if json.dumps(pattern) not in models] == []


def test_the_files_are_what_the_models_say() -> None:
    stale = [str(path.relative_to(files.REPOSITORY)) for path in files.stale()]
    assert stale == [], "run `make crds` and commit"


def test_a_stale_file_is_named_and_written_anew(tmp_path: Path) -> None:
    assert len(files.write(tmp_path)) == len(files.generated(tmp_path))
    assert files.stale(tmp_path) == []
    changed = tmp_path / "crds" / "jaxop.dev_jaxjobs.yaml"
    changed.write_text(changed.read_text().replace("maximum: 256", "maximum: 512"))
    assert files.stale(tmp_path) == [changed]
    assert files.write(tmp_path) == [changed]
    assert files.stale(tmp_path) == []


def test_check_says_which_file_is_stale_and_what_to_run(tmp_path: Path) -> None:
    runner = CliRunner()
    runner.invoke(main, ["write", "--root", str(tmp_path)])
    assert runner.invoke(main, ["check", "--root", str(tmp_path)]).exit_code == 0
    (tmp_path / "crds" / "jaxop.dev_jaxjobs.yaml").unlink()
    result = runner.invoke(main, ["check", "--root", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output == (
        "crds/jaxop.dev_jaxjobs.yaml is not what the models say: run `make crds` and commit it\n"
    )
