"""TPU slices and GPUs as the scheduler and the program see them; only the silicon is played."""

from collections.abc import Iterator

import pytest

from e2e.tests.jaxjobs import a_jaxjob
from e2e.tests.namespace import Namespace, Seen

PLAYED = {"preflight": {"mode": "Off"}}


@pytest.fixture
def tpu_v5e(namespace: Namespace) -> Iterator[str]:
    """The catalogue's class for a cluster whose one TPU node plays two slices at once: without the
    label by which real slices are kept apart."""
    found = namespace.kubectl.get("acceleratorclass", "tpu-v5e")
    name = f"tpu-v5e-{namespace.name}"[:63]
    spec = {field: value for field, value in found["spec"].items() if field != "sliceLabel"}
    kinds = {field: found[field] for field in ("apiVersion", "kind")}
    namespace.kubectl.apply([{**kinds, "metadata": {"name": name}, "spec": spec}])
    yield name
    namespace.kubectl.run("delete", "acceleratorclass", name, "--wait=false")


def test_two_tpu_slices_are_one_jax_world(namespace: Namespace, tpu_v5e: str) -> None:
    job = a_jaxjob().on(tpu_v5e, topology="2x4", chipsPerHost=4, slices=2).with_spec(**PLAYED)
    namespace.apply(job.running("world.py"))
    status = namespace.wait_for("Succeeded")
    assert status["accelerator"] == f"{tpu_v5e} 2x4 x2"
    assert status["hosts"]["summary"] == "4/4"

    pods = namespace.pods()
    assert len(pods) == 4
    for pod in pods:
        is_placed_for(pod, "google.com/tpu", "4", node="tpu")
        selector = pod["spec"]["nodeSelector"]
        assert selector["cloud.google.com/gke-tpu-accelerator"] == "tpu-v5-lite-podslice"
        assert selector["cloud.google.com/gke-tpu-topology"] == "2x4"

    for number, (pod, saw) in enumerate(zip(pods, map(namespace.saw, pods), strict=True)):
        slice_index, worker = divmod(number, 2)
        is_one_of(saw, number, 4)
        assert saw["host"] == f"job-a0-s{slice_index}-{worker}"
        domain = f"job-gang.{namespace.name}.svc"
        workers = [f"job-a0-s{slice_index}-{index}.{domain}" for index in (0, 1)]
        env = saw["env"]
        assert env["TPU_WORKER_ID"] == str(worker)
        assert env["TPU_WORKER_HOSTNAMES"] == ",".join(workers)
        assert env["TPU_PROCESS_ADDRESSES"] == ",".join(f"{name}:8476" for name in workers)
        assert env["TPU_PROCESS_PORT"] == "8476"
        assert env["MEGASCALE_COORDINATOR_ADDRESS"] == f"job-a0-s0-0.{domain}"
        assert env["MEGASCALE_NUM_SLICES"] == "2"
        assert env["MEGASCALE_SLICE_ID"] == str(slice_index)
        assert env["MEGASCALE_PORT"] == "8480"
        assert "JAXRUN_TOKEN" not in env
        of_its_slice = pods[slice_index * 2 : slice_index * 2 + 2]
        addresses = [other["status"]["podIP"] for other in of_its_slice]
        assert saw["addresses"] == dict(zip(workers, addresses, strict=True))
        assert pod["status"]["podIP"] == addresses[worker]


def test_gpu_hosts_get_their_chips(namespace: Namespace) -> None:
    job = a_jaxjob().on("nvidia-h100", chipsPerHost=4, hosts=2).with_spec(**PLAYED)
    namespace.apply(job.running("world.py"))
    status = namespace.wait_for("Succeeded")
    assert status["accelerator"] == "nvidia-h100 2x4"

    pods = namespace.pods()
    assert len(pods) == 2
    for number, pod in enumerate(pods):
        is_placed_for(pod, "nvidia.com/gpu", "4", node="gpu")
        saw = namespace.saw(pod)
        is_one_of(saw, number, 2)
        assert saw["env"]["JAX_LOCAL_DEVICE_IDS"] == "0,1,2,3"
        assert not [name for name in saw["env"] if name.startswith(("TPU_W", "MEGASCALE_"))]


def is_placed_for(pod: Seen, resource: str, count: str, node: str) -> None:
    """It asks for the chips, and was let onto a node whose taint keeps others away."""
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources["limits"][resource] == resources["requests"][resource] == count
    assert pod["spec"]["nodeName"] == node
    tolerated = {"key": resource, "operator": "Exists", "effect": "NoSchedule"}
    assert tolerated in pod["spec"]["tolerations"]


def is_one_of(saw: Seen, process: int, processes: int) -> None:
    """Every process adds ten to the power of its number: the sum shows that each came once."""
    assert saw["process"] == process
    assert saw["processes"] == saw["devices"] == processes
    assert saw["sum"] == int("1" * processes)
