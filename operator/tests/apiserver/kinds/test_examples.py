"""The manifests of examples/ on a real API server."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from plain_api import PATHS, Api

EXAMPLES = Path(__file__).parents[4] / "examples"
FILES = sorted([*EXAMPLES.glob("manifests/*.yaml"), *EXAMPLES.glob("*/jaxjob.yaml")])
OBJECTS = [
    pytest.param(manifest, id=f"{file.parent.name}/{file.name}: {manifest['kind']}")
    for file in FILES
    for manifest in yaml.safe_load_all(file.read_text())
    if manifest["kind"] in PATHS
]


@pytest.mark.parametrize("manifest", OBJECTS)
def test_the_api_server_takes_it(api: Api, manifest: dict[str, Any]) -> None:
    path = PATHS[manifest["kind"]] + "?dryRun=All&fieldValidation=Strict"
    answer = api.request("POST", path, manifest)
    assert answer.code == 201, answer.faults
