"""What cannot be turned into children: all of it at once, each with field, fault and remedy.

The CRD refuses most of this at `kubectl apply`; here it is for what passed all the same.
"""

from typing import Any

import pytest
from building import World, a_jaxjob
from hypothesis import given
from hypothesis import strategies as st
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.validation.validate import validate

JAX: dict[str, Any] = {"name": "jax", "image": "i:1", "command": ["python"]}
ON_TPU = a_jaxjob().on("tpu-v5e", "4x4")


def problems(world: World) -> list[str]:
    found = validate(world.snapshot())
    return [] if isinstance(found, SliceLayout) else [str(problem) for problem in found]


def template(**pod_spec: Any) -> World:
    return a_jaxjob().spec(template={"spec": {"containers": [JAX], **pod_spec}})


def program(**fields: Any) -> World:
    return a_jaxjob().program(**fields)


IN_TEMPLATE = "spec.template.spec"

CASES: list[tuple[World, str]] = [
    (
        a_jaxjob().on("tpu-v5", topology="4x4"),
        "spec.accelerator.class: there is no AcceleratorClass named tpu-v5; "
        "nearest: tpu-v5p, tpu-v5e",
    ),
    (
        a_jaxjob().without_classes(),
        "spec.accelerator.class: there is no AcceleratorClass named cpu; there are no "
        "AcceleratorClasses: install the chart's catalogue, or apply one",
    ),
    (
        a_jaxjob("d" * 46),
        "metadata.name: has 46 characters, and the pods' host names leave room for 45; "
        "use a name of at most 45 characters",
    ),
    (
        a_jaxjob("4digits"),
        "metadata.name: 4digits cannot be part of a host name; use lower-case letters, digits "
        "and dashes, and start with a letter",
    ),
    (
        a_jaxjob().spec(template={}),
        'spec.template.spec: is missing; give a pod spec with a container named "jax"',
    ),
    (
        a_jaxjob().spec(template={"spec": {"containers": []}}),
        f"{IN_TEMPLATE}.containers: is missing or not a list; "
        'give a list with a container named "jax"',
    ),
    (
        template(containers=["jax"]),
        f"{IN_TEMPLATE}.containers[0]: is a string, not an object; write it as key: value pairs",
    ),
    (
        template(containers=[{**JAX, "name": "main"}]),
        f'{IN_TEMPLATE}.containers: has no container named "jax" (found: main); '
        'name the container that runs the program "jax"',
    ),
    (
        template(nodeSelector={"gpus": 8}),
        f'{IN_TEMPLATE}.nodeSelector[gpus]: is a number, not a string; quote it: "8"',
    ),
    (
        template(volumes={"name": "data"}),
        f"{IN_TEMPLATE}.volumes: is an object, not a list; write each entry after a dash",
    ),
    (
        template(restartPolicy="OnFailure"),
        f"{IN_TEMPLATE}.restartPolicy: is OnFailure, but a single restarted process cannot rejoin "
        "its gang; remove it; spec.restartPolicy.maxRestarts restarts all processes together",
    ),
    (
        template(hostname="a"),
        f"{IN_TEMPLATE}.hostname: is set, but the processes find each other by the pods' own host "
        "names; remove it",
    ),
    (
        template(volumes=[{"name": "jaxop-runtime", "emptyDir": {}}]),
        f"{IN_TEMPLATE}.volumes[0].name: jaxop-runtime is the operator's; rename it",
    ),
    (
        template(initContainers=[{"name": "jaxrun-install"}]),
        f"{IN_TEMPLATE}.initContainers[0].name: jaxrun-install is the operator's; rename it",
    ),
    (
        template(containers=[JAX, {"name": "web", "ports": [{"containerPort": 9431}]}]),
        f"{IN_TEMPLATE}.containers[1].ports: port 9431 is the launcher's; use another port",
    ),
    (
        program(command=[]),
        f"{IN_TEMPLATE}.containers[0].command: is missing, and an image's own entrypoint cannot be "
        "seen from here; give the command that starts the program, such as [python, -m, train]",
    ),
    (
        program(command="python -m train"),
        f"{IN_TEMPLATE}.containers[0].command: is not a list of strings; "
        "write it as [python, -m, train]",
    ),
    (
        program(image=""),
        f"{IN_TEMPLATE}.containers[0].image: is missing; give the image that holds the program, "
        "or name a JaxRuntime in spec.runtime",
    ),
    (
        program(env=[{"name": "JAXRUN_JOB", "value": "x"}]),
        f"{IN_TEMPLATE}.containers[0].env[0]: JAXRUN_JOB is set by the launcher; "
        "remove the variable",
    ),
    (
        program(volumeMounts=[{"name": "x", "mountPath": "/jaxop/x"}]),
        f'{IN_TEMPLATE}.containers["jax"].volumeMounts[0].mountPath: /jaxop/x is where the '
        "launcher is; mount it elsewhere",
    ),
    (
        a_jaxjob().with_checkpoint(path="/jaxop"),
        "spec.checkpoint.path: /jaxop is where the launcher is; "
        "use another path, such as /checkpoints",
    ),
    (
        program(volumeMounts=[{"name": "x", "mountPath": "/checkpoints/"}]).with_checkpoint(),
        "spec.checkpoint.path: the jax container mounts another volume at /checkpoints; "
        "remove that mount, or use another path",
    ),
    (
        ON_TPU.program(resources={"limits": {"google.com/tpu": 8}}),
        f"{IN_TEMPLATE}.containers[0].resources.limits[google.com/tpu]: is 8, but tpu-v5e 4x4 has "
        "4 on each host; remove it: the operator sets it from spec.accelerator",
    ),
    (
        ON_TPU.pod_spec(nodeSelector={"cloud.google.com/gke-tpu-topology": "2x4"}),
        f"{IN_TEMPLATE}.nodeSelector[cloud.google.com/gke-tpu-topology]: is 2x4, but tpu-v5e 4x4 "
        "is on nodes with cloud.google.com/gke-tpu-topology=4x4; "
        "remove it, or change spec.accelerator",
    ),
]


@pytest.mark.parametrize(("world", "said"), CASES, ids=[said[:48] for _, said in CASES])
def test_field_fault_remedy(world: World, said: str) -> None:
    assert problems(world) == [said]


def test_all_at_once() -> None:
    world = a_jaxjob("4x").on("tpu-v5e", "3x4").program(command=[], image="")
    fields = [problem.split(":")[0] for problem in problems(world)]
    assert fields == [
        "metadata.name",
        "spec.accelerator.topology",
        "spec.template.spec.containers[0].image",
        "spec.template.spec.containers[0].command",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("spec", "metadata", "labels", "containers", "initContainers", "volumes"),
                    *("name", "env", "ports", "resources", "limits", "volumeMounts", "command"),
                    *("mountPath", "nodeSelector", "tolerations", "affinity", "nodeAffinity"),
                    "requiredDuringSchedulingIgnoredDuringExecution",
                    *("nodeSelectorTerms", "matchExpressions", "args", "image", "value"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(pod=JSON, mixin=JSON, container=JSON)
def test_no_template_makes_it_raise(pod: Any, mixin: Any, container: Any) -> None:
    """Given anything at all as a template, then there are children or there are problems."""
    from building import NOW
    from jaxop.domain.jaxjob import decide

    containers = [{**JAX, **(container if isinstance(container, dict) else {})}]
    spec = {"containers": containers, **(pod if isinstance(pod, dict) else {})}
    body = {**(mixin if isinstance(mixin, dict) else {}), "spec": spec}
    for whole in (body, mixin if isinstance(mixin, dict) else {}):
        world = ON_TPU.spec(template=whole)
        plan = decide(world.snapshot(), NOW)
        assert plan.status is not None
        assert bool(plan.apply) == (plan.status["state"] == "Scheduling")
