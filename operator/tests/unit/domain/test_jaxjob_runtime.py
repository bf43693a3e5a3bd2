"""What a job gets from the JaxRuntime that it names."""

from typing import Any

from building import NOW, World, a_jaxjob
from caching import PINNED, a_runtime
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.pods.runtime import supplied, with_runtime
from test_jaxjob_children import env_of, program_of


def on_runtime(**spec: Any) -> World:
    """Of a job whose template names no image."""
    world = a_jaxjob().spec(runtime="jax-0.12").seeing(runtime=a_runtime(**spec))
    del world.manifest["spec"]["template"]["spec"]["containers"][0]["image"]
    return world


def message(world: World) -> str:
    status = decide(world.snapshot(), NOW).status
    assert status is not None
    assert (status["state"], status["reason"]) == ("Pending", "InvalidSpec")
    return str(status["message"])


def test_the_image_where_the_template_has_none() -> None:
    assert program_of(on_runtime())["image"] == PINNED
    assert program_of(on_runtime().program(image="mine:1"))["image"] == "mine:1"


def test_the_environment_but_for_what_the_template_sets() -> None:
    world = on_runtime(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    env = env_of(world.program(env=[{"name": "B", "value": "mine"}]))
    assert (env["A"], env["B"]) == ("1", "mine")


def test_flags_follow_those_of_the_template_which_win() -> None:
    world = on_runtime(xlaFlags=["--xla_a=1", "--xla_b=2"], libtpuInitArgs=["--xla_tpu_x=true"])
    env = env_of(world.program(env=[{"name": "XLA_FLAGS", "value": "--xla_b=3 --xla_c=4"}]))
    assert env["XLA_FLAGS"] == "--xla_b=3 --xla_c=4 --xla_a=1"
    assert env["LIBTPU_INIT_ARGS"] == "--xla_tpu_x=true"


def test_flags_from_elsewhere_stay_as_they_are() -> None:
    entry = {"name": "XLA_FLAGS", "valueFrom": {"configMapKeyRef": {"name": "f", "key": "k"}}}
    program = program_of(on_runtime(xlaFlags=["--xla_a=1"]).program(env=[entry]))
    assert [e for e in program["env"] if e["name"] == "XLA_FLAGS"] == [entry]


def test_expectations_where_the_job_has_none() -> None:
    world = on_runtime(jax="0.12", jaxlib="0.12.0")
    assert '"jax":"0.12","jaxlib":"0.12.0"' in env_of(world)["JAXRUN_PREFLIGHT"]
    mine = env_of(world.spec(preflight={"jax": "0.10"}))["JAXRUN_PREFLIGHT"]
    assert '"jax":"0.10","jaxlib":"0.12.0"' in mine


def test_supplied_twice_is_supplied_once() -> None:
    runtime = a_runtime(env=[{"name": "A", "value": "1"}], xlaFlags=["--xla_a=1"], jax="0.12")
    once = supplied(a_jaxjob().jaxjob.spec, runtime.spec)
    assert supplied(once, runtime.spec) == once


def test_the_jobs_own_manifest_is_not_changed() -> None:
    snapshot = on_runtime(env=[{"name": "A", "value": "1"}]).snapshot()
    with_runtime(snapshot)
    program = snapshot.jaxjob.spec.template["spec"]["containers"][0]
    assert "env" not in program
    assert "image" not in program


def test_one_that_does_not_exist() -> None:
    missing = on_runtime().seeing(runtime=None, runtime_names=("jax-0.10", "torch"))
    assert message(missing) == (
        "spec.runtime: there is no JaxRuntime named jax-0.12; nearest: jax-0.10"
    )
    assert message(missing.seeing(runtime_names=("torch",))) == (
        "spec.runtime: there is no JaxRuntime named jax-0.12; use one of: torch"
    )
    assert message(missing.seeing(runtime_names=())) == (
        "spec.runtime: there is no JaxRuntime named jax-0.12; there are no JaxRuntimes: apply one, "
        "or remove the field"
    )


def test_a_job_that_runs_goes_on_without_it() -> None:
    world = on_runtime().with_jobs().running_pods().reporting("Running").seeing(runtime=None)
    plan = decide(world.snapshot(), NOW)
    assert plan.status is not None
    assert plan.status["state"] == "Running"


def test_a_misshapen_template_is_left_to_validation() -> None:
    world = on_runtime().program(env="A=1")
    assert "containers[0].env: is a string, not a list" in message(world)
