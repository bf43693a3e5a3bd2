"""Every manifest here is one that the API accepts, on a class of the chart's catalogue."""

from pathlib import Path

import pytest
import yaml
from jaxop.api.v1alpha1 import CompileCache, JaxRuntime, Warmup
from jaxop.api.v1alpha1.jaxjob import PROGRAM_CONTAINER, JaxJob

EXAMPLES = Path(__file__).parents[1]
CATALOGUE = EXAMPLES.parent / "charts/jax-operator/catalogue"
MANIFESTS = sorted(
    [
        *EXAMPLES.glob("manifests/*.yaml"),
        *EXAMPLES.glob("*/jaxjob.yaml"),
        *EXAMPLES.glob("*/warmup.yaml"),
        *EXAMPLES.glob("*/warm/*.yaml"),
    ]
)
KINDS = {kind.__name__: kind for kind in (CompileCache, JaxJob, JaxRuntime, Warmup)}


def objects(path):
    found = list(yaml.safe_load_all(path.read_text()))
    return [KINDS[o["kind"]].model_validate(o) for o in found if o["kind"] in KINDS]


def programs(path):
    return [each for each in objects(path) if isinstance(each, JaxJob | Warmup)]


def classes():
    files = CATALOGUE.glob("*.yaml")
    return {o["metadata"]["name"] for f in files for o in yaml.safe_load_all(f.read_text())}


def test_there_are_manifests():
    assert len(MANIFESTS) >= 6


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_manifest_is_accepted_and_names_a_class_and_a_program(path):
    assert objects(path)
    for each in programs(path):
        assert each.spec.accelerator.class_ in classes()
        containers = {c["name"]: c for c in each.spec.template["spec"]["containers"]}
        assert containers[PROGRAM_CONTAINER]["command"]


def test_the_warmup_of_bytegpt_is_for_what_its_job_runs():
    def one(name):
        (found,) = objects(EXAMPLES / "bytegpt" / name)
        return found

    cache, job, warmup = map(one, ("warm/compilecache.yaml", "warm/jaxjob.yaml", "warmup.yaml"))
    assert job.spec.compile_cache.name == warmup.spec.compile_cache == cache.metadata.name
    assert warmup.spec.accelerator == job.spec.accelerator
    of_job, of_warmup = (o.spec.template["spec"]["containers"][0] for o in (job, warmup))
    assert of_warmup["command"] == [*of_job["command"], "--warm"]
    assert of_warmup["image"] == of_job["image"]
