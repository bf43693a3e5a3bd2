"""The children, whole: compared with files that a person has read.

JAXOP_WRITE_GOLDEN=1 writes them anew; read the difference before you commit it.
"""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import NOW, World, a_jaxjob
from caching import a_cache
from jaxop.api.plan import Manifest
from jaxop.domain.jaxjob import decide

GOLDEN = Path(__file__).parent / "golden"

CASES = {
    "cpu": a_jaxjob().with_hosts(2),
    "nvidia-h100-4-hosts": a_jaxjob()
    .on("nvidia-h100", hosts=4, chipsPerHost=8)
    .with_checkpoint("ckpt", path="/ckpt", graceSeconds=120),
    "cpu-compile-cache": a_jaxjob()
    .spec(compileCache={"name": "team-cache"})
    .seeing(compile_cache=a_cache(writers="Jobs")),
    "tpu-v5e-4x4-x2": a_jaxjob().on("tpu-v5e", "4x4").with_slices(2),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    children = list(decide(CASES[name].snapshot(), NOW).apply)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("JAXOP_WRITE_GOLDEN"):
        path.write_text(yaml.safe_dump_all(children, sort_keys=False, width=100))
    assert list(yaml.safe_load_all(path.read_text())) == children


def job_of(world: World, slice_index: int = 0) -> Manifest:
    plan = decide(world.snapshot(), NOW)
    assert len(plan.apply) > 1, plan.status
    return plan.apply[1 + slice_index]


def pod_of(world: World, slice_index: int = 0) -> dict[str, Any]:
    template: dict[str, Any] = job_of(world, slice_index)["spec"]["template"]
    return template


def program_of(world: World, slice_index: int = 0) -> dict[str, Any]:
    containers = pod_of(world, slice_index)["spec"]["containers"]
    found: dict[str, Any] = next(c for c in containers if c["name"] == "jax")
    return found


def env_of(world: World, slice_index: int = 0) -> dict[str, str]:
    return {e["name"]: e.get("value", "") for e in program_of(world, slice_index)["env"]}


class TestTheUsersTemplate:
    def test_is_not_changed_itself(self) -> None:
        world = a_jaxjob().on("nvidia-h100", hosts=1, chipsPerHost=1).with_checkpoint()
        before = copy.deepcopy(world.manifest)
        snapshot = world.snapshot()
        decide(snapshot, NOW)
        assert snapshot.jaxjob.spec.template == before["spec"]["template"]

    def test_everything_in_it_stays(self) -> None:
        sidecar = {"name": "logs", "image": "logs:1"}
        users: dict[str, Any] = {
            "initContainers": [{"name": "data", "image": "data:1"}],
            "volumes": [{"name": "data", "emptyDir": {}}],
            "nodeSelector": {"zone": "a"},
            "tolerations": [{"key": "spot", "operator": "Exists"}],
            "serviceAccountName": "trainer",
            "automountServiceAccountToken": True,
            "priorityClassName": "high",
        }
        world = a_jaxjob().on("tpu-v5e", "2x2").pod_spec(**users)
        world = world.program(
            env=[{"name": "SEED", "value": "1"}],
            volumeMounts=[{"name": "data", "mountPath": "/data"}],
            ports=[{"containerPort": 6006}],
            resources={"limits": {"memory": "8Gi"}, "requests": {"cpu": "4"}},
            args=["--epochs", "3"],
        )
        containers = world.manifest["spec"]["template"]["spec"]["containers"]
        world = world.pod_spec(containers=[*containers, sidecar])
        pod = pod_of(world)["spec"]
        assert [c["name"] for c in pod["initContainers"]] == ["jaxrun-install", "data"]
        assert pod["containers"][1] == sidecar
        assert {"name": "data", "emptyDir": {}} in pod["volumes"]
        assert pod["nodeSelector"]["zone"] == "a"
        assert pod["tolerations"][0] == {"key": "spot", "operator": "Exists"}
        assert pod["serviceAccountName"] == "trainer"
        assert pod["automountServiceAccountToken"] is True
        assert pod["priorityClassName"] == "high"
        program = program_of(world)
        assert program["env"][0] == {"name": "SEED", "value": "1"}
        assert program["volumeMounts"][0] == {"name": "data", "mountPath": "/data"}
        assert program["ports"][0] == {"containerPort": 6006}
        assert program["resources"] == {
            "limits": {"memory": "8Gi", "google.com/tpu": "4"},
            "requests": {"cpu": "4"},
        }
        assert program["command"] == [
            *("/jaxop/jaxrun", "launch", "--"),
            *("python", "-m", "train", "--epochs", "3"),
        ]
        assert "args" not in program

    def test_its_labels_stay_and_ours_win(self) -> None:
        template = {"metadata": {"labels": {"team": "ml", "jaxop.dev/attempt": "9"}}}
        spec = a_jaxjob().manifest["spec"]["template"]["spec"]
        world = a_jaxjob().spec(template={**template, "spec": spec})
        assert pod_of(world)["metadata"]["labels"] == {
            "team": "ml",
            "app.kubernetes.io/managed-by": "jax-operator",
            "jaxop.dev/jaxjob": "digits",
            "jaxop.dev/attempt": "0",
            "jaxop.dev/slice": "0",
        }

    def test_its_affinity_and_the_classes_both_hold(self) -> None:
        """Terms are alternatives: (A or B) and (1 or 2) has four."""

        def term(key: str) -> Manifest:
            return {"matchExpressions": [{"key": key, "operator": "Exists"}]}

        required = {"nodeSelectorTerms": [term("a"), term("b")]}
        affinity = {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required},
            "podAffinity": {"x": "y"},
        }
        world = a_jaxjob().on("nvidia-h100", chipsPerHost=8).pod_spec(affinity=affinity)
        ours = world.classes["nvidia-h100"].spec.node_selector_terms
        built = pod_of(world)["spec"]["affinity"]
        assert built["podAffinity"] == {"x": "y"}
        node_affinity = built["nodeAffinity"]
        terms = node_affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert len(terms) == 2 * len(ours)
        assert {t["matchExpressions"][0]["key"] for t in terms} == {"a", "b"}
        assert all(len(t["matchExpressions"]) >= 2 for t in terms)

    def test_its_own_libtpu_variables_win(self) -> None:
        world = a_jaxjob().on("tpu-v5e", "2x2")
        world = world.program(env=[{"name": "TPU_PROCESS_PORT", "value": "1"}])
        entries = [e for e in program_of(world)["env"] if e["name"] == "TPU_PROCESS_PORT"]
        assert entries == [{"name": "TPU_PROCESS_PORT", "value": "1"}]


class TestProcesses:
    def test_ids_count_through_the_slices(self) -> None:
        world = a_jaxjob().on("tpu-v5e", "4x4").with_slices(3)
        for slice_index in range(3):
            env = env_of(world, slice_index)
            assert env["JAXRUN_NUM_PROCESSES"] == "12"
            assert env["JAXRUN_PROCESS_BASE"] == str(4 * slice_index)
            assert env["MEGASCALE_SLICE_ID"] == str(slice_index)
            assert f"digits-a0-s{slice_index}-3.digits-gang" in env["TPU_WORKER_HOSTNAMES"]

    def test_one_slice_needs_no_megascale(self) -> None:
        assert not [n for n in env_of(a_jaxjob().on("tpu-v5e", "4x4")) if "MEGASCALE" in n]

    def test_only_tpus_get_libtpus_variables(self) -> None:
        env = env_of(a_jaxjob().on("nvidia-h100", hosts=2, chipsPerHost=8))
        assert not [n for n in env if n.startswith(("TPU_", "MEGASCALE_"))]
        assert (env["JAXRUN_PLATFORM"], env["JAXRUN_LOCAL_DEVICES"]) == ("cuda", "8")
        assert "JAXRUN_DEVICES_PER_CHIP" not in env

    def test_a_chip_that_shows_as_two_devices(self) -> None:
        env = env_of(a_jaxjob().on("tpu-7x", topology="2x2x1"))
        assert (env["JAXRUN_LOCAL_DEVICES"], env["JAXRUN_DEVICES_PER_CHIP"]) == ("4", "2")

    def test_cpu_has_no_devices_and_no_selectors(self) -> None:
        world = a_jaxjob()
        assert "JAXRUN_LOCAL_DEVICES" not in env_of(world)
        assert "nodeSelector" not in pod_of(world)["spec"]
        assert "resources" not in program_of(world)

    def test_names_fit_a_host_name(self) -> None:
        world = a_jaxjob("j" * 45).on("cpu", hosts=4096, slices=256)
        world = world.status(attempt=10000)
        plan = decide(world.snapshot(), NOW)
        assert len(plan.apply) == 257
        longest = f"{plan.apply[-1]['metadata']['name']}-{4095}"
        assert len(longest) <= 63


class TestStopping:
    @pytest.mark.parametrize(
        ("world", "pods", "programs"),
        [
            (a_jaxjob(), 30, "25"),
            (a_jaxjob().pod_spec(terminationGracePeriodSeconds=3), 3, "0"),
            (a_jaxjob().with_checkpoint(), 65, "60"),
            (a_jaxjob().with_checkpoint(graceSeconds=600), 605, "600"),
            (
                a_jaxjob().with_checkpoint().pod_spec(terminationGracePeriodSeconds=100),
                100,
                "95",
            ),
        ],
    )
    def test_the_launcher_keeps_a_little_of_the_grace(
        self, world: World, pods: int, programs: str
    ) -> None:
        assert pod_of(world)["spec"]["terminationGracePeriodSeconds"] == pods
        assert env_of(world)["JAXRUN_GRACE_SECONDS"] == programs


class TestTheInstaller:
    def test_has_the_programs_cores_and_memory(self) -> None:
        """So that it changes neither what the pod asks for nor its quality of service."""
        both = {"cpu": "4", "memory": "8Gi"}
        world = a_jaxjob().program(
            resources={"limits": {**both, "hugepages-2Mi": "4Mi"}, "requests": both}
        )
        installer = pod_of(world)["spec"]["initContainers"][0]
        assert installer["resources"] == {"limits": both, "requests": both}

    def test_is_as_unprivileged_as_the_restricted_standard_asks(self) -> None:
        context = pod_of(a_jaxjob())["spec"]["initContainers"][0]["securityContext"]
        assert context == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }

    def test_runs_as_the_pods_user_where_it_has_one(self) -> None:
        world = a_jaxjob().pod_spec(securityContext={"runAsUser": 1000})
        context = pod_of(world)["spec"]["initContainers"][0]["securityContext"]
        assert "runAsUser" not in context


def test_pods_of_a_replica_of_a_service_carry_its_labels() -> None:
    marks = {
        "jaxop.dev/jaxservice": "minilm",
        "jaxop.dev/revision": "abc",
        "jaxop.dev/replica": "1",
    }
    world = a_jaxjob().metadata(labels={**marks, "team": "search"})
    labels = pod_of(world)["metadata"]["labels"]
    assert marks.items() <= labels.items()
    assert "team" not in labels


def test_a_program_may_be_a_model_server() -> None:
    env = [
        {"name": "JAXRUN_SERVE", "value": "{}"},
        {"name": "JAXRUN_MODEL_DIR", "value": "/models"},
    ]
    assert env_of(a_jaxjob().program(env=env)).items() >= {"JAXRUN_SERVE": "{}"}.items()
