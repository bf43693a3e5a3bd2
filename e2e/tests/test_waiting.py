"""Jobs that cannot start say what they wait for, in a sentence that a person can act on."""

from e2e.tests.jaxjobs import a_jaxjob
from e2e.tests.namespace import COMES_WITHIN_SECONDS, Namespace, Seen, eventually

NO_IMAGE = "localhost:1/team/digits:1"
"""Nothing listens there."""
HOLD_PROCESS_1 = (
    'if [ "$JOB_COMPLETION_INDEX" = 1 ]; then while [ ! -e /tmp/go ]; do sleep 0.2; done; fi'
)


def test_an_accelerator_that_no_node_has(namespace: Namespace) -> None:
    namespace.apply(
        a_jaxjob("gpus").on("nvidia-b200", chipsPerHost=8, hosts=2),
        a_jaxjob("tpus").on("tpu-v6e", topology="4x4"),
    )
    nodes = len(namespace.kubectl.get("nodes")["items"])
    status = namespace.wait_for_reason("Unschedulable", "2 of 2 pods", "gpus")
    assert status["state"] == "Scheduling"
    assert status["message"] == (
        "2 of 2 pods cannot be scheduled: each needs nvidia.com/gpu: 8 on a node of "
        f"AcceleratorClass nvidia-b200; 0 of {nodes} nodes match; add such nodes, or change "
        "spec.accelerator"
    )
    status = namespace.wait_for_reason("Unschedulable", "4 of 4 pods", "tpus")
    assert status["message"] == (
        "4 of 4 pods cannot be scheduled: each needs google.com/tpu: 4 on a node with "
        "cloud.google.com/gke-tpu-accelerator=tpu-v6e-slice, "
        f"cloud.google.com/gke-tpu-topology=4x4; 0 of {nodes} nodes match (tpu has "
        "google.com/tpu but cloud.google.com/gke-tpu-accelerator=tpu-v5-lite-podslice, "
        "cloud.google.com/gke-tpu-topology=2x4); add such nodes, or change spec.accelerator"
    )
    assert namespace.events("gpus") == namespace.events("tpus") == ["Unschedulable"]


def test_the_last_host_finds_its_chips_in_use(namespace: Namespace) -> None:
    """Eight GPUs are enough for two hosts of the three; none of them starts without the third."""
    namespace.apply(a_jaxjob().on("nvidia-h100", chipsPerHost=4, hosts=3))
    status = namespace.wait_for_reason("Unschedulable", "1 of 3 pods cannot be scheduled")
    assert status["state"] == "Scheduling"
    assert "each needs nvidia.com/gpu: 4" in status["message"]
    assert "nodes match, but other pods use them; wait, or free them" in status["message"]
    assert status["hosts"]["wanted"] == 3

    def two_run() -> list[Seen] | str:
        running = [pod for pod in namespace.pods() if pod["status"]["phase"] == "Running"]
        return running if len(running) == 2 else f"{len(running)} pods run"

    pods = eventually("the launchers of two pods wait", two_run, COMES_WITHIN_SECONDS)
    assert not [pod for pod in pods if "saw: " in namespace.logs(pod)]
    assert namespace.status()["reason"] == "Unschedulable"


def test_an_image_that_cannot_be_pulled(namespace: Namespace) -> None:
    namespace.apply(a_jaxjob().with_program(image=NO_IMAGE))
    status = namespace.wait_for_reason("ImagePull", f"image {NO_IMAGE} cannot be pulled on 2 of 2")
    assert status["state"] == "Scheduling"
    assert "container jax; check the name and tag" in status["message"]
    assert namespace.events() == ["ImagePull"]


def test_a_process_that_is_missing_is_named(namespace: Namespace) -> None:
    hold = {
        "name": "hold",
        "image": a_jaxjob().program["image"],
        "command": ["sh", "-c", HOLD_PROCESS_1],
    }
    job = a_jaxjob().running("train.py", "--hold").with_pod(initContainers=[hold])
    namespace.apply(job)
    status = namespace.wait_for_reason("PeersMissing", "waiting for process 1")
    assert status["state"] == "WaitingForPeers"
    assert status["message"] == (
        "waiting for process 1 (job-a0-s0-1: Pending, PodInitializing); 1 of 2 have joined"
    )
    missing = namespace.pods()[1]["metadata"]["name"]
    namespace.run("exec", missing, "--container=hold", "--", "touch", "/tmp/go")
    namespace.wait_for("Running")
    namespace.let_go()
    namespace.wait_for("Succeeded")
    states = [entry["state"] for entry in namespace.status()["timeline"]]
    assert states == ["Scheduling", "WaitingForPeers", "Compiling", "Running", "Succeeded"]
