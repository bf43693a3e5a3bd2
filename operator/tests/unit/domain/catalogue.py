"""The classes that the chart installs, as the tests' devices: what ships is what is tested."""

from functools import cache
from pathlib import Path

import yaml
from jaxop.api.v1alpha1 import AcceleratorClass

DIRECTORY = Path(__file__).parents[4] / "charts" / "jax-operator" / "catalogue"


@cache
def catalogue() -> dict[str, AcceleratorClass]:
    found = {}
    for path in sorted(DIRECTORY.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document:
                loaded = AcceleratorClass.model_validate(document)
                found[loaded.metadata.name] = loaded
    return found
