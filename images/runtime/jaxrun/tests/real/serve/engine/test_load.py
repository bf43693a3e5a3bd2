"""What loading tells, what it refuses, and with which words."""

import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from engine_models import TABLE, WIDTH, bucket, embed, embedder, loaded, tokens

from jaxrun import serve
from jaxrun.serve.engine import Loading
from jaxrun.serve.errors import LoadFailed

GOOD = tokens(1, 3)


def answer_of(request: dict[str, Any]) -> dict[str, Any]:
    return {"mean": TABLE[request["ids"]].mean(1)}


def test_every_bucket_has_executed_and_is_told_in_turn() -> None:
    told: list[Loading] = []
    engine = loaded(embedder(), told.append)
    assert [each.ready for each in told] == [0, 1, 2, 3, 4]
    assert {each.total for each in told} == {4}
    assert told[0].bucket is None
    assert {each.bucket for each in told[1:]} == set(engine.model.grid.all())
    assert told[0].predicted_seconds_left is None
    assert told[-1].predicted_seconds_left == 0
    assert set(engine.costs) == set(engine.model.grid.all())
    assert all(seconds > 0 for seconds in engine.costs.values())
    assert engine.output_dtypes == {"mean": "float32", "each": "float32"}


def test_the_plan_knows_what_is_on_the_device() -> None:
    plan = loaded(embedder()).plan
    assert plan.parameter_bytes == TABLE.nbytes
    need = plan.buckets[bucket(8, length=16)]
    assert need.input_bytes == 2 * 8 * 16 * 4
    assert need.output_bytes >= 8 * 16 * WIDTH * 4 + 8 * WIDTH * 4


def test_a_bucket_that_cannot_fit_is_refused_with_the_numbers_before_it_runs() -> None:
    ran: list[bool] = []

    def hungry(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        jax.debug.callback(lambda: ran.append(True))
        return {"y": jnp.sort(inputs["x"] @ params).sum(1)}

    model = serve.Model(
        name="hungry",
        function=hungry,
        params=np.ones((1 << 10, 1 << 10), np.float32),
        inputs={"x": serve.Input(("batch", 1 << 10), "float32")},
        outputs={"y": serve.Output(("batch",))},
        buckets={"batch": (1, 4096)},
    )
    with pytest.raises(LoadFailed) as refused:
        loaded(model, limit_bytes=48 << 20, compile_threads=1)
    text = str(refused.value)
    assert "bucket batch=4096 needs" in text
    assert "of a device that has 48.0 MiB: params 4.0 MiB, temporary" in text
    assert "2 batches in flight with inputs 16.0 MiB" in text
    assert not ran
    loaded(model.with_buckets({"batch": (1,)}), limit_bytes=48 << 20)


def test_a_right_golden_passes() -> None:
    loaded(embedder(golden=[serve.Golden(GOOD, answer_of(GOOD))]))


def test_a_wrong_golden_tells_the_output_and_the_largest_error() -> None:
    wrong = answer_of(GOOD)
    wrong["mean"] = wrong["mean"] + np.array([0, 0, 0.25, 0], np.float32)
    with pytest.raises(LoadFailed) as refused:
        loaded(embedder(golden=[serve.Golden(GOOD, wrong)]))
    assert "golden[0]: output 'mean' differs by up to 0.25 (at [0, 2]: " in str(refused.value)
    assert "in 1 values of 4; rtol 1e-05 and atol 1e-05 allow less" in str(refused.value)


def test_a_golden_that_is_answered_with_nan_is_refused() -> None:
    golden = serve.Golden(GOOD, answer_of(GOOD), atol=1e9)
    model = embedder(golden=[golden], params={"table": np.full_like(TABLE, np.nan)})
    with pytest.raises(LoadFailed, match="output 'mean' has 4 values of 4 that are NaN"):
        loaded(model)


def test_a_golden_larger_than_any_bucket_is_refused() -> None:
    large = tokens(1, 17)
    with pytest.raises(LoadFailed, match=r"golden\[0\].inputs: length is 17"):
        loaded(embedder(golden=[serve.Golden(large, answer_of(large))]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"outputs": {"mean": serve.Output(("batch", "length"))}},
            r"outputs.mean is declared \['batch', 'length'\], in bucket batch=8,length=16 "
            r"\[8, 16\]; function returns \[8, 4\]",
        ),
        (
            {"outputs": {"mean": serve.Output(("batch", WIDTH), "float16")}},
            "outputs.mean is declared float16; function returns float32",
        ),
        (
            {"outputs": {"median": serve.Output(("batch", WIDTH))}},
            "outputs.median is declared, but function does not return it",
        ),
        ({"function": lambda params, inputs: 3}, "function returns a int; it returns a dict"),
        (
            {"function": lambda params, inputs: {"mean": params["tabel"]}},
            "bucket batch=8,length=16 does not compile: KeyError: 'tabel'",
        ),
        (
            {"inputs": {"ids": serve.Input(("batch", "length"), "int64")}},
            "inputs.ids is int64, which JAX makes int32: declare int32, or set JAX_ENABLE_X64=1",
        ),
    ],
)
def test_a_model_that_is_other_than_declared_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(LoadFailed, match=message):
        loaded(embedder(**changes))


def test_a_bucket_that_fails_when_it_runs_is_refused() -> None:
    def fails(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        def host(x: Any) -> Any:
            raise OSError("no such sensor")

        x = inputs["mask"]
        return {"mean": jax.pure_callback(host, jax.ShapeDtypeStruct(x.shape, x.dtype), x)}

    model = embedder(function=fails, outputs={"mean": serve.Output(("batch", "length"))})
    with pytest.raises(
        LoadFailed, match=r"(?s)batch=8,length=16 does not execute: .*no such sensor"
    ):
        loaded(model)


def test_several_buckets_compile_at_once() -> None:
    inside, most = 0, 0
    lock, both = threading.Lock(), threading.Event()

    def traced(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
            if inside == 2:
                both.set()
        both.wait(60)
        with lock:
            inside -= 1
        return embed(params, inputs)

    loaded(embedder(function=traced), compile_threads=2)
    assert most == 2
