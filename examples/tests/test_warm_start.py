"""The manifests by which bytegpt starts warm are accepted, and fit together."""

from pathlib import Path

import yaml
from jaxop.api.v1alpha1 import CompileCache, JaxJob, Warmup

BYTEGPT = Path(__file__).parents[1] / "bytegpt"


def read(kind, name):
    return kind.model_validate(yaml.safe_load((BYTEGPT / name).read_text()))


def test_the_job_and_the_warmup_use_the_cache_with_the_same_program_on_the_same_devices():
    cache = read(CompileCache, "warm/compilecache.yaml")
    job = read(JaxJob, "warm/jaxjob.yaml")
    warmup = read(Warmup, "warmup.yaml")
    assert job.spec.compile_cache.name == warmup.spec.compile_cache == cache.metadata.name
    assert job.spec.compile_cache.warmup == "Wait"
    assert warmup.spec.accelerator == job.spec.accelerator
    of_job, of_warmup = (o.spec.template["spec"]["containers"][0] for o in (job, warmup))
    assert of_warmup["command"] == [*of_job["command"], "--warm"]
    assert of_warmup["image"] == of_job["image"]


def test_the_job_runs_what_the_one_without_a_cache_runs():
    plain = list(yaml.safe_load_all((BYTEGPT / "jaxjob.yaml").read_text()))[-1]
    image = plain["spec"]["template"]["spec"]["containers"][0]["image"]
    assert read(JaxJob, "warm/jaxjob.yaml").spec.template["spec"]["containers"][0]["image"] == image
