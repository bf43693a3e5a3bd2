"""What a JaxService is made of, whole, compared with files that a person has read.

JAXOP_WRITE_GOLDEN=1 writes them anew; read the difference before you commit it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxRuntime
from jaxop.domain import contract
from services import Played, a_service, a_serving_service

GOLDEN = Path(__file__).parent / "golden"
CLAIM = {"persistentVolumeClaim": {"claimName": "models"}}


def on_gpu() -> Played:
    played = a_service().on("nvidia-l4", chipsPerHost=1).caching("Background")
    return played.spec(
        replicas=2,
        model={"entry": "minilm.serving:model", "volume": CLAIM},
        buckets={"batch": [1, 8], "length": [16, 256]},
    )


CASES = {
    "service-cpu": a_service,
    "service-nvidia-l4": on_gpu,
    "service-tpu-v5e-1x1": lambda: a_service().on("tpu-v5e", topology="1x1"),
    "service-tpu-v5e-4x4": lambda: a_service().on("tpu-v5e", topology="4x4"),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    plan = CASES[name]().operator()
    children = [*plan.create, *plan.apply]
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("JAXOP_WRITE_GOLDEN"):
        path.write_text(yaml.safe_dump_all(children, sort_keys=False, width=100))
    assert list(yaml.safe_load_all(path.read_text())) == children


def template_of(played: Played) -> dict[str, Any]:
    played.operator()
    (deployment,) = played.of_kind("Deployment")
    found: dict[str, Any] = deployment["spec"]["template"]
    return found


def server_of(template: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in template["spec"]["containers"] if c["name"] == "jax")
    return found


def test_a_pod_of_a_deployment_is_a_gang_of_one() -> None:
    template = template_of(on_gpu())
    env = {e["name"]: e.get("value") for e in server_of(template)["env"]}
    assert (env["JAXRUN_NUM_PROCESSES"], env["JOB_COMPLETION_INDEX"]) == ("1", "0")
    assert env.keys().isdisjoint({contract.ENV_TOKEN, contract.ENV_GANG_ADDRESS})
    assert template["spec"]["restartPolicy"] == "Always"
    assert "subdomain" not in template["spec"]
    assert "jaxop.dev/jaxjob" not in template["metadata"]["labels"], "no JaxJob owns it"


def test_its_command_serves_the_entry_with_what_the_spec_says() -> None:
    played = on_gpu().spec(drainSeconds=20, batching={"maxQueue": 9})
    template = template_of(played)
    server = server_of(template)
    assert server["command"] == [
        "/jaxop/jaxrun", "launch", "--", "/jaxop/jaxrun", "serve", "minilm.serving:model",
    ]  # fmt: skip
    env = {e["name"]: e.get("value") for e in server["env"]}
    told = json.loads(env[contract.ENV_SERVE])
    assert told["buckets"] == {"batch": [1, 8], "length": [16, 256]}
    assert (told["batching"]["maxQueue"], told["drainSeconds"]) == (9, 20)
    assert env[contract.ENV_MODEL_DIR] == "/models"
    (mount,) = [m for m in server["volumeMounts"] if m["mountPath"] == "/models"]
    assert mount["readOnly"] is True
    grace = template["spec"]["terminationGracePeriodSeconds"]
    assert (grace, env[contract.ENV_GRACE_SECONDS]) == (30, "25"), "the launcher's part is left"


def test_what_serve_is_told_is_what_the_contract_says() -> None:
    file = Path(__file__).parents[4] / "images" / "runtime" / "contract.json"
    agreed = json.loads(file.read_text())["serve"]
    server = server_of(template_of(on_gpu().spec(batching={"defaultTimeoutMilliseconds": 100})))
    told = json.loads(next(e["value"] for e in server["env"] if e["name"] == contract.ENV_SERVE))
    assert told.keys() == agreed.keys() - {"$comment"}
    assert told["batching"].keys() == agreed["batching"].keys()


def test_a_slow_load_is_not_killed_by_its_probes() -> None:
    server = server_of(template_of(a_service().rollout(progressDeadlineSeconds=3600)))
    startup = server["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 3600
    assert startup["httpGet"] == {"path": "/v2/health/live", "port": 8000}
    assert server["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
    assert server["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"


def test_the_budget_lets_one_pod_go_and_never_none() -> None:
    def least(replicas: int, **rollout: Any) -> int:
        played = a_service().spec(replicas=replicas, rollout=rollout)
        played.operator()
        (budget,) = played.of_kind("PodDisruptionBudget")
        return int(budget["spec"]["minAvailable"])

    assert [least(1), least(3), least(3, maxUnavailable=2), least(0)] == [0, 2, 1, 0]


def test_a_warmup_has_the_program_without_what_only_serving_needs() -> None:
    played = on_gpu().caching("Wait")
    played.operator()
    (warmup,) = played.of_kind("Warmup")
    server = server_of(warmup["spec"]["template"])
    assert server["command"] == ["/jaxop/jaxrun", "serve", "minilm.serving:model"]
    assert not [name for name in server if name.endswith("Probe")]


def test_the_image_of_a_runtime_is_used_and_its_change_is_a_revision() -> None:
    def with_image(digit: str) -> Played:
        played = a_service()
        played.runtime = JaxRuntime.model_validate(
            {
                "metadata": {"name": "jax-cuda"},
                "spec": {"image": f"team/jax@sha256:{digit * 64}", "xlaFlags": ["--xla_a=1"]},
            }
        )
        played.manifest["spec"].pop("template")
        return played.spec(runtime="jax-cuda")

    one, other = with_image("1"), with_image("2")
    server = server_of(template_of(one))
    assert server["image"] == f"team/jax@sha256:{'1' * 64}"
    other.operator()
    assert one.status.updated_revision != other.status.updated_revision


@pytest.mark.parametrize(
    ("field", "change", "says"),
    [
        ("command", {"command": ["python"]}, "spec.model.entry says what it runs"),
        ("readinessProbe", {"readinessProbe": {"exec": {}}}, "the operator probes the server"),
        ("env[0]", {"env": [{"name": "JAXRUN_SERVE", "value": "{}"}]}, "is set by the operator"),
    ],
)
def test_what_the_operator_sets_is_refused_in_a_template(
    field: str, change: dict[str, Any], says: str
) -> None:
    container = {"name": "jax", "image": "a", **change}
    played = a_service().spec(template={"spec": {"containers": [container]}})
    assert played.operator().apply == ()
    assert f"spec.template.spec.containers[0].{field}: " in played.status.message
    assert says in played.status.message


def test_all_that_is_wrong_is_said_at_once() -> None:
    played = a_service().spec(
        buckets={"batch": [8, 1]},
        model={"entry": "a:b", "path": "/jaxop/m"},
        rollout={"maxSurge": 0, "maxUnavailable": 0},
        accelerator={"class": "cpu", "hosts": 1, "slices": 2},
    )
    played.operator()
    assert (played.status.state, played.status.reason) == ("Pending", "InvalidSpec")
    for field in ("buckets[batch]", "model.path", "rollout.maxUnavailable", "accelerator.slices"):
        assert f"spec.{field}: " in played.status.message


def test_an_earlier_deployment_is_never_built_anew() -> None:
    played = a_serving_service(1)
    (before,) = played.of_kind("Deployment")
    played.classes.pop("cpu")
    played.after(1).operator()
    assert played.of_kind("Deployment") == [before]
