"""What keeps a JaxJob from going on is said in its status, and it goes on when that is gone."""

from operator_process import OperatorProcess
from plain_api import CLASSES
from play import Play, wait

A_CLASS = {
    "apiVersion": "jaxop.dev/v1alpha1",
    "kind": "AcceleratorClass",
    "spec": {"vendor": "CPU"},
}


def stalled(status: dict[str, object]) -> str:
    conditions = {c["type"]: c["status"] for c in status["conditions"]}  # type: ignore[attr-defined]
    return str(conditions["Stalled"])


def test_a_topology_that_is_not_offered(play: Play, operator: OperatorProcess) -> None:
    play.jaxjob(accelerator={"class": "tpu-v5e", "topology": "3x4"})
    status = play.wait_state("Pending", "InvalidSpec")
    assert status["message"] == (
        "spec.accelerator.topology: topology 3x4 is not offered by tpu-v5e; nearest: 2x4, 4x4"
    )
    assert stalled(status) == "True"
    assert play.names("jobs") == []
    wait("it is told", lambda: play.events() == [f"Warning InvalidSpec: {status['message']}"])


def test_a_class_that_comes_later(play: Play, operator: OperatorProcess) -> None:
    name = f"class-of-{play.namespace}"
    play.jaxjob(accelerator={"class": name, "hosts": 2})
    status = play.wait_state("Pending", "InvalidSpec")
    fault = f"spec.accelerator.class: there is no AcceleratorClass named {name}"
    assert str(status["message"]).startswith(fault)
    answer = play.api.request("POST", CLASSES, {**A_CLASS, "metadata": {"name": name}})
    assert answer.code == 201, answer.faults
    try:
        play.pods(2)
        assert stalled(play.wait_state("Scheduling")) == "False"
    finally:
        play.api.request("DELETE", f"{CLASSES}/{name}")


def test_a_name_that_somebody_else_has(play: Play, operator: OperatorProcess) -> None:
    theirs = play.create(
        "services",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "digits-gang"},
            "spec": {"ports": [{"port": 80}], "selector": {"app": "theirs"}},
        },
    )
    play.jaxjob()
    status = play.wait_state("Pending", "NameConflict")
    assert status["message"] == (
        f"Service {play.namespace}/digits-gang exists already and it was made by somebody else: "
        "delete it, or use another name"
    )
    assert stalled(status) == "True"
    now = play.get("services", "digits-gang")
    assert now is not None
    assert now["spec"] == theirs["spec"], "what is not ours is not touched"
    play.delete("services", "digits-gang")
    play.wait_state("Scheduling")
    play.pods(2)


def test_a_template_that_the_api_server_refuses(play: Play, operator: OperatorProcess) -> None:
    program = {"name": "jax", "image": "i:1", "command": ["a"], "imagePullPolicy": "Sometimes"}
    play.jaxjob(template={"spec": {"containers": [program]}})
    status = play.wait_state("Pending", "Invalid")
    assert "imagePullPolicy" in str(status["message"])
    assert "Sometimes" in str(status["message"])


def test_a_quota(play: Play, operator: OperatorProcess) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    play.create("resourcequotas", quota)
    wait(
        "the quota counts",
        lambda: "used" in (play.get("resourcequotas", "none") or {}).get("status", {}),
    )
    play.jaxjob()
    status = play.wait_state("Pending", "Forbidden")
    assert "exceeded quota" in str(status["message"])


def test_pods_that_no_node_can_take(play: Play, operator: OperatorProcess) -> None:
    """Given a real scheduler and a node of another topology."""
    labels = {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": "2x2",
    }
    name = f"node-of-{play.namespace}"
    answer = play.api.request(
        "POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}}
    )
    assert answer.code == 201, answer.faults
    try:
        have = {"allocatable": {"google.com/tpu": "4"}, "capacity": {"google.com/tpu": "4"}}
        play.api.request(
            "PATCH",
            f"/api/v1/nodes/{name}/status",
            {"status": have},
            content_type="application/merge-patch+json",
        )
        program = {"name": "jax", "image": "i:1", "command": ["a"]}
        play.jaxjob(
            accelerator={"class": "tpu-v6e", "topology": "4x4"},
            template={"spec": {"containers": [program]}},
        )
        play.wait_state("Scheduling", "Unschedulable")
        all_pods = (
            "4 of 4 pods cannot be scheduled: each needs google.com/tpu: 4 on a node with "
            "cloud.google.com/gke-tpu-accelerator=tpu-v6e-slice, "
            "cloud.google.com/gke-tpu-topology=4x4; 0 of "
        )
        node = f"({name} has google.com/tpu but cloud.google.com/gke-tpu-topology=2x2)"

        def message_is_whole() -> bool:
            message = str(play.status()["message"])
            assert message.startswith(all_pods), message
            assert node in message, message
            return True

        wait("the message counts all pods and knows the node", message_is_whole)
    finally:
        play.api.request("DELETE", f"/api/v1/nodes/{name}")
    wait("it is told", lambda: any("Unschedulable" in event for event in play.events()))


def test_a_token_that_somebody_deleted_comes_back(play: Play, operator: OperatorProcess) -> None:
    play.jaxjob()
    first, _ = play.pods(2)
    play.delete("secrets", "jaxop-gang-token")
    said = 'secret "jaxop-gang-token" not found'
    held = {"waiting": {"reason": "CreateContainerConfigError", "message": said}}
    container = {"name": "jax", "image": "i:1", "imageID": "", "ready": False, "restartCount": 0}

    def is_back() -> bool:
        held["waiting"]["message"] += " "  # the kubelet tries again
        play.pod_status(first, containerStatuses=[{**container, "state": held}])
        return play.get("secrets", "jaxop-gang-token") is not None

    wait("the token is there again", is_back)
