"""The models read what the API server holds and write what it takes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
from jaxop.api.v1alpha1 import AcceleratorClass, JaxJob
from jaxop.api.v1alpha1.accelerator_class import Topology
from jaxop.api.v1alpha1.cause import Cause
from jaxop.api.v1alpha1.common import Condition, rfc3339, rfc3339_micro
from jaxop.api.v1alpha1.jaxjob_status import Failure, Hosts, JaxJobStatus, TimelineEntry
from pydantic import ValidationError

CONTRACT = Path(__file__).parents[4] / "images" / "runtime" / "contract.json"
NOON = datetime(2026, 11, 21, 12, 0, 0, 250, tzinfo=UTC)


def a_manifest(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxJob",
        "metadata": {"name": "digits", "namespace": "ml", "uid": "u", "generation": 3},
        "spec": {
            "accelerator": {"class": "tpu-v5e", "topology": "4x4"},
            "template": {"spec": {"containers": [{"name": "jax", "futureField": {"a": [1]}}]}},
        }
        | spec,
    }


def test_absent_fields_have_the_defaults_of_the_crd() -> None:
    job = JaxJob.model_validate(a_manifest(checkpoint={"volumeClaim": "ckpt"}))
    assert job.spec.accelerator.class_ == "tpu-v5e"
    assert job.spec.accelerator.slices == 1
    assert job.spec.restart_policy.max_restarts == 3
    assert job.spec.suspend is False
    assert job.spec.checkpoint is not None
    assert job.spec.checkpoint.path == "/checkpoints"
    assert (job.status.attempt, job.status.restarts, job.status.state) == (0, 0, None)


def test_the_pod_template_is_kept_as_the_user_wrote_it() -> None:
    manifest = a_manifest()
    assert JaxJob.model_validate(manifest).spec.template == manifest["spec"]["template"]


def test_fields_of_another_version_are_ignored() -> None:
    manifest = a_manifest(flavour="vanilla")
    manifest["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    assert "flavour" not in JaxJob.model_validate(manifest).to_manifest()["spec"]


def test_models_are_immutable() -> None:
    job = JaxJob.model_validate(a_manifest())
    with pytest.raises(ValidationError):
        job.spec.suspend = True
    assert job.spec.replace(suspend=True).suspend is True
    assert job.spec.suspend is False


def test_a_status_survives_the_round_trip_unchanged() -> None:
    status = JaxJobStatus(
        observed_generation=3,
        state="Running",
        reason="Training",
        message="step 120",
        accelerator="tpu-v5e 4x4",
        hosts=Hosts(wanted=4, ready=4, summary="4/4"),
        step=120,
        start_time=NOON.replace(microsecond=0),
        failure=Failure(cause="NodeLost", process=0, message="m", time=NOON.replace(microsecond=0)),
        timeline=(TimelineEntry(state="Running", reason="Training", attempt=0, time=NOON),),
        conditions=(
            Condition(
                type="Ready",
                status="True",
                reason="Training",
                last_transition_time=NOON.replace(microsecond=0),
            ),
        ),
    )
    manifest = status.to_manifest()
    assert manifest["observedGeneration"] == 3
    assert manifest["startTime"] == "2026-11-21T12:00:00Z"
    assert manifest["timeline"][0]["time"] == "2026-11-21T12:00:00.000250Z"
    assert "completionTime" not in manifest
    assert json.loads(json.dumps(manifest)) == manifest
    assert JaxJobStatus.model_validate(manifest) == status
    assert JaxJobStatus.model_validate(manifest).to_manifest() == manifest


def test_times_are_written_in_utc() -> None:
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    assert rfc3339(in_tokyo) == "2026-11-21T12:00:00Z"
    assert rfc3339_micro(in_tokyo) == "2026-11-21T12:00:00.000250Z"


@pytest.mark.parametrize(
    ("topology", "chips_per_host", "hosts"),
    [("1x1", 1, 1), ("2x2", 4, 1), ("2x4", 8, 1), ("2x4", 4, 2), ("16x16", 4, 64), ("2x2x4", 4, 4)],
)
def test_hosts_follow_from_the_topology(topology: str, chips_per_host: int, hosts: int) -> None:
    assert Topology(topology=topology, chips_per_host=chips_per_host).hosts == hosts


@pytest.mark.parametrize(
    ("vendor", "platform"),
    [("Google", "tpu"), ("NVIDIA", "cuda"), ("AMD", "rocm"), ("CPU", "cpu")],
)
def test_the_vendor_tells_the_platform(vendor: str, platform: str) -> None:
    one = AcceleratorClass.model_validate({"metadata": {"name": "a"}, "spec": {"vendor": vendor}})
    assert one.spec.platform == platform


def test_causes_are_those_of_the_contract_with_the_launcher() -> None:
    assert list(get_args(Cause)) == json.loads(CONTRACT.read_text())["causes"]
