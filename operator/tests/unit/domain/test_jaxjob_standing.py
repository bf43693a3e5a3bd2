"""Where a job stands, in a reason and one sentence that a person can act on."""

from typing import Any

import pytest
from building import NOW, World, a_jaxjob, seconds, waiting_for
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.views import NodeView, Taint

LATER = NOW + seconds(60)

TPU_LABELS = {
    "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
    "cloud.google.com/gke-tpu-topology": "2x4",
}
TPU_TAINT = Taint("google.com/tpu", "present", "NoSchedule")


def said(world: World) -> tuple[str, str]:
    plan = decide(world.snapshot(), LATER)
    assert plan.status is not None
    return f"{plan.status['state']}/{plan.status['reason']}", plan.status["message"]


def a_tpu_node(name: str = "tpu-1", **fields: Any) -> NodeView:
    given: dict[str, Any] = {
        "labels": TPU_LABELS,
        "taints": (TPU_TAINT,),
        "allocatable": {"google.com/tpu": "4"},
        **fields,
    }
    return NodeView(name, **given)


def a_cpu_node(name: str = "cpu-1", **fields: Any) -> NodeView:
    return NodeView(name, **fields)


class TestUnschedulable:
    BY_SCHEDULER = (
        "0/3 nodes are available: 1 Insufficient google.com/tpu, 2 node(s) didn't match Pod's node "
        "affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful."
    )

    def pending(self, *nodes: NodeView, told: str = BY_SCHEDULER) -> str:
        world = a_jaxjob().on("tpu-v5e", "2x4", chipsPerHost=4).with_jobs()
        world = world.with_pods(unschedulable=told).with_nodes(*nodes)
        state, message = said(world)
        assert state == "Scheduling/Unschedulable"
        return message

    WANTED = (
        "2 of 2 pods cannot be scheduled: each needs google.com/tpu: 4 on a node with "
        "cloud.google.com/gke-tpu-accelerator=tpu-v5-lite-podslice, "
        "cloud.google.com/gke-tpu-topology=2x4; "
    )

    def test_no_node_has_the_resource(self) -> None:
        assert self.pending(a_cpu_node("a"), a_cpu_node("b"), a_cpu_node("c")) == (
            self.WANTED + "0 of 3 nodes match, and none has google.com/tpu; "
            "add such nodes, or change spec.accelerator"
        )

    def test_the_nodes_have_another_topology(self) -> None:
        other = {**TPU_LABELS, "cloud.google.com/gke-tpu-topology": "4x4"}
        assert self.pending(a_cpu_node(), a_tpu_node(labels=other)) == (
            self.WANTED + "0 of 2 nodes match (tpu-1 has google.com/tpu but "
            "cloud.google.com/gke-tpu-topology=4x4); add such nodes, or change spec.accelerator"
        )

    def test_a_taint_that_nobody_tolerates(self) -> None:
        node = a_tpu_node(taints=(TPU_TAINT, Taint("team", "b", "NoSchedule")))
        assert self.pending(node, a_cpu_node()) == (
            self.WANTED + "1 of 2 nodes match, but have the taint team=b:NoSchedule, which the "
            "pods do not tolerate; add it to the tolerations of AcceleratorClass tpu-v5e or of "
            "the template"
        )

    def test_cordoned(self) -> None:
        assert self.pending(a_tpu_node(cordoned=True)).endswith(
            "1 of 1 nodes match, but are cordoned; uncordon them (kubectl uncordon tpu-1)"
        )

    def test_too_few_chips_on_every_node(self) -> None:
        node = a_tpu_node(allocatable={"google.com/tpu": "0"})
        assert self.pending(node).endswith(
            "1 of 1 nodes match, but offer at most google.com/tpu: 0; check the device plugin, or "
            "ask for less"
        )

    def test_others_use_them(self) -> None:
        assert self.pending(a_tpu_node(), a_cpu_node()).endswith(
            "1 of 2 nodes match, but other pods use them; wait, or free them"
        )

    def test_something_else(self) -> None:
        told = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are ..."
        assert self.pending(a_tpu_node(), told=told).endswith(
            "1 of 1 nodes match, but: 1 Insufficient memory"
        )

    def test_an_empty_cluster(self) -> None:
        assert self.pending().endswith("there are no nodes")

    def test_a_claim_that_does_not_exist(self) -> None:
        told = '0/1 nodes are available: persistentvolumeclaim "ckpt" not found. not found'
        assert self.pending(told=told) == (
            "2 of 2 pods cannot be scheduled: PersistentVolumeClaim ckpt does not exist; create "
            "it, or change spec.checkpoint.volumeClaim or the template's volumes"
        )

    def test_nobody_may_look_at_the_nodes(self) -> None:
        world = a_jaxjob().on("tpu-v5e", "2x4").with_jobs()
        _, message = said(world.with_pods(unschedulable=self.BY_SCHEDULER))
        assert message == (
            "1 of 1 pods cannot be scheduled: 1 Insufficient google.com/tpu, 2 node(s) didn't "
            "match Pod's node affinity/selector"
        )

    def test_is_told_once_however_its_words_change(self) -> None:
        world = a_jaxjob().with_jobs().with_pods(unschedulable="0/1 nodes").with_nodes()
        plan = decide(world.snapshot(), NOW)
        assert [event.reason for event in plan.events] == ["Unschedulable"]
        world = world.after(plan).pod(0, unschedulable=None, node="n")
        again = decide(world.snapshot(), LATER)
        assert again.status is not None
        assert again.status["message"].startswith("1 of 2 pods")
        assert again.events == ()

    def test_while_the_nodes_are_fetched_the_message_waits(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW))
        world = world.with_pods(unschedulable="0/1 nodes").seeing(nodes_pending=True)
        plan = decide(world.snapshot(), LATER)
        assert (plan.status, plan.requeue_after) == (None, 1.0)

    @pytest.mark.parametrize(
        "label", ["cloud.google.com/gke-accelerator", "nvidia.com/gpu.product"]
    )
    def test_any_of_the_classes_labels_will_do(self, label: str) -> None:
        world = a_jaxjob().on("nvidia-h100", hosts=1, chipsPerHost=8).with_jobs()
        values = {
            expression.values[0]
            for term in world.classes["nvidia-h100"].spec.node_selector_terms
            for expression in term.match_expressions
            if expression.key == label
        }
        told = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
        for value in values:
            node = a_cpu_node(labels={label: value}, allocatable={"nvidia.com/gpu": "8"})
            _, message = said(world.with_pods(unschedulable=told).with_nodes(node))
            assert message == (
                "1 of 1 pods cannot be scheduled: each needs nvidia.com/gpu: 8 on a node of "
                "AcceleratorClass nvidia-h100; 1 of 1 nodes match, but other pods use them; wait, "
                "or free them"
            )


class TestStarting:
    def scheduled(self) -> World:
        return a_jaxjob().with_jobs().with_pods(node="node-1")

    @pytest.mark.parametrize(
        ("reason", "message"),
        [
            ("ErrImagePull", "not found"),
            ("ImagePullBackOff", 'Back-off pulling image "team/digits:1": ErrImagePull: not found'),
        ],
    )
    def test_image_pull_says_which_image(self, reason: str, message: str) -> None:
        """In the same words whether the kubelet tries or backs off."""
        world = self.scheduled().pod(1, waiting=(waiting_for(reason, message),))
        assert said(world) == (
            "Scheduling/ImagePull",
            "image team/digits:1 cannot be pulled on 1 of 2 pods (not found): container jax; "
            "check the name and tag, and the template's imagePullSecrets",
        )

    def test_the_launchers_image_is_the_operators_setting(self) -> None:
        held = waiting_for("ErrImageNeverPull", container="jaxrun-install")
        _, message = said(self.scheduled().pod(0, waiting=(held,)))
        assert message.endswith("the launcher's image; check the operator's runtime image setting")

    def test_a_container_that_cannot_start(self) -> None:
        held = waiting_for("CreateContainerConfigError", 'secret "s3" not found')
        assert said(self.scheduled().pod(0, waiting=(held,))) == (
            "Scheduling/ContainerCannotStart",
            "container jax cannot start on 1 of 2 pods: CreateContainerConfigError: "
            'secret "s3" not found',
        )

    def test_pods_that_start_by_themselves_are_no_problem(self) -> None:
        world = self.scheduled().pod(0, waiting=(waiting_for("PodInitializing"),))
        expected = ("Scheduling/PodsStarting", "2 pods are being created and started")
        assert said(world) == expected

    def test_pods_that_do_not_exist_after_a_minute(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW))
        early = decide(world.snapshot(), NOW + seconds(50))
        assert (early.status, early.requeue_after) == (None, 10.0)
        assert said(world) == (
            "Scheduling/CreatingPods",
            "only 0 of 2 pods exist; see why: kubectl describe jobs -n ml "
            "-l jaxop.dev/jaxjob=digits",
        )


class TestWaiting:
    def test_says_which_process_is_missing_and_what_its_pod_does(self) -> None:
        world = a_jaxjob().with_hosts(3).with_jobs().running_pods()
        world = world.pod(1, phase="Pending", waiting=(waiting_for("PodInitializing"),))
        assert said(world.reporting("Joining", joined=1, missing=(1, 2))) == (
            "WaitingForPeers/PeersMissing",
            "waiting for process 1 (digits-a0-s0-1: Pending, PodInitializing), process 2 "
            "(digits-a0-s0-2: Running, its launcher has not joined); 1 of 3 have joined",
        )

    def test_names_three_and_counts_the_rest(self) -> None:
        world = a_jaxjob().on("tpu-v5e", "4x4").with_slices(2).with_jobs().running_pods()
        _, message = said(world.reporting("Joining", missing=(1, 2, 3, 4, 5, 6, 7)))
        assert "process 3 (digits-a0-s0-3: " in message
        assert message.endswith(" and 4 more; 1 of 8 have joined")

    def test_a_pod_that_cannot_be_placed_is_the_better_answer(self) -> None:
        world = a_jaxjob().with_jobs().running_pods()
        world = world.pod(1, phase="Pending", ready=False, node="", unschedulable="0/1 nodes")
        state, _ = said(world.with_nodes(a_cpu_node()).reporting("Joining", missing=(1,)))
        assert state == "Scheduling/Unschedulable"
