"""The chart's AcceleratorClasses on a real API server."""

from pathlib import Path

import pytest
import yaml
from plain_api import APPLY, CLASSES, Api

FILES = sorted((Path(__file__).parents[4] / "charts/jax-operator/catalogue").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_api_server_takes_it(api: Api, file: Path) -> None:
    manifest = yaml.safe_load(file.read_text())
    path = f"{CLASSES}/{manifest['metadata']['name']}"
    query = "?dryRun=All&fieldValidation=Strict&fieldManager=test&force=true"
    answer = api.request("PATCH", path + query, manifest, content_type=APPLY)
    assert answer.code in (200, 201), answer.faults
