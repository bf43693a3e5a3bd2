"""Requests of any sizes get what they would get alone, and nothing is compiled for them."""

import threading
from concurrent.futures import wait
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from engine_models import PAD, bucket, embed, embedder, loaded, right_answer, tokens
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxrun import serve
from jaxrun.serve.engine import Engine
from jaxrun.serve.errors import InvalidInput


@pytest.fixture(scope="module")
def engine() -> Engine:
    return loaded(embedder())


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 16)), min_size=1, max_size=8))
def test_each_request_gets_its_own_answer_in_its_own_size(
    engine: Engine, sizes: list[tuple[int, int]]
) -> None:
    while sum(rows for rows, _ in sizes) > 8:
        sizes.pop()
    requests = [tokens(rows, length, seed) for seed, (rows, length) in enumerate(sizes)]
    answers = engine.run(bucket(8, length=16), requests).result(120)
    assert len(answers) == len(requests)
    for request, answer in zip(requests, answers, strict=True):
        assert isinstance(answer, dict)
        for name, right in right_answer(request).items():
            assert answer[name].shape == right.shape
            np.testing.assert_allclose(answer[name], right, rtol=1e-5)


def test_no_shape_of_any_request_compiles_anything(engine: Engine) -> None:
    before = dict(engine.compiles_after_ready)
    for rows in range(1, 9):
        for length in range(1, 17):
            where = engine.model.grid.bucket_of({"batch": rows, "length": length})
            engine.run(where, [tokens(rows, length)]).result(120)
    assert dict(engine.compiles_after_ready) == before


def test_code_around_the_engine_that_compiles_is_told_with_function_and_shapes(
    engine: Engine,
) -> None:
    jnp.arctan2(np.ones((3, 5)), np.ones((3, 5)))
    assert engine.compiles_after_ready[("arctan2", "float32[3,5], float32[3,5]")] == 1


def test_many_threads_and_batches_at_once_keep_their_answers(engine: Engine) -> None:
    failures: list[BaseException] = []

    def ask(seed: int) -> None:
        try:
            requests = [tokens(1, 1 + (seed + k) % 4, seed * 100 + k) for k in range(20)]
            running = [engine.run(bucket(1, length=4), [request]) for request in requests]
            for request, future in zip(requests, running, strict=True):
                (answer,) = future.result(120)
                assert isinstance(answer, dict)
                np.testing.assert_allclose(answer["mean"], right_answer(request)["mean"], rtol=1e-5)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures


def test_padding_is_the_declared_value_in_rows_and_lengths() -> None:
    def show(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        ids = inputs["ids"]
        return {"others": jnp.broadcast_to((ids == PAD).sum(), (ids.shape[0],))}

    model = embedder(
        function=show,
        inputs={"ids": serve.Input(("batch", "length"), "int32", pad=PAD)},
        outputs={"others": serve.Output(("batch",))},
    )
    engine = loaded(model)
    full = {"ids": np.zeros((8, 16), np.int32)}
    small = {"ids": np.zeros((1, 3), np.int32)}
    for request, padding in ((full, 0), (small, 8 * 16 - 3), (full, 0)):
        (answer,) = engine.run(bucket(8, length=16), [request]).result(120)
        assert isinstance(answer, dict)
        assert answer["others"][0] == padding
    engine.close()


def test_a_request_that_the_bucket_does_not_hold_is_refused_at_once(engine: Engine) -> None:
    with pytest.raises(ValueError, match="9 rows are more than bucket batch=8,length=4 holds"):
        engine.run(bucket(8, length=4), [tokens(5, 2), tokens(4, 2)])
    with pytest.raises(ValueError, match="length 5 is more than bucket batch=8,length=4 holds"):
        engine.run(bucket(8, length=4), [tokens(1, 5)])
    with pytest.raises(ValueError, match="batch=3,length=4 is no bucket of model embedder"):
        engine.run(bucket(3, length=4), [tokens(1, 1)])
    with pytest.raises(InvalidInput, match="input 'mask' is missing"):
        engine.run(bucket(8, length=4), [{"ids": np.zeros((1, 2), np.int32)}])


def divide(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    return {"y": 1 / inputs["x"]}


def divider(**changes: Any) -> serve.Model:
    return serve.Model(
        name="divider",
        function=divide,
        params={},
        inputs={"x": serve.Input(("batch",), "float32", pad=0)},
        outputs={"y": serve.Output(("batch",))},
        buckets={"batch": (4,)},
        **changes,
    )


def ones_and(value: float) -> list[dict[str, Any]]:
    return [{"x": np.array([1.0], np.float32)}, {"x": np.array([value], np.float32)}]


def test_an_infinite_answer_is_counted_and_given_out() -> None:
    engine = loaded(divider())
    good, bad = engine.run(bucket(4), ones_and(0.0)).result(120)
    assert isinstance(good, dict)
    assert isinstance(bad, dict)
    assert np.isinf(bad["y"][0])
    # The padding of two rows is infinite as well, and nobody's.
    assert engine.not_finite == {"y": 1}
    engine.close()


def test_where_asked_it_is_refused_and_its_batch_survives() -> None:
    engine = loaded(divider(refuse_nan=True))
    good, bad = engine.run(bucket(4), ones_and(0.0)).result(120)
    assert isinstance(good, dict)
    assert good["y"].tolist() == [1.0]
    assert isinstance(bad, serve.NotFinite)
    assert engine.not_finite == {"y": 1}
    engine.close()


def test_closing_answers_what_was_submitted() -> None:
    engine = loaded(embedder(function=embed))
    running = [engine.run(bucket(8, length=16), [tokens(2, 5)]) for _ in range(20)]
    engine.close()
    assert not wait(running, timeout=0).not_done


def test_bfloat16_passes_in_and_out() -> None:
    model = serve.Model(
        name="half",
        function=lambda params, inputs: {"y": inputs["x"] / 2},
        params={},
        inputs={"x": serve.Input(("batch",), "bfloat16")},
        outputs={"y": serve.Output(("batch",))},
        buckets={"batch": (4,)},
    )
    engine = loaded(model)
    (answer,) = engine.run(bucket(4), [{"x": np.array([3], jnp.bfloat16)}]).result(120)
    assert isinstance(answer, dict)
    assert answer["y"].dtype == jnp.bfloat16
    assert answer["y"].astype(np.float32).tolist() == [1.5]
    engine.close()
