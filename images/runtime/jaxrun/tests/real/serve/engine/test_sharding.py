"""One process over four devices: rows spread, or params, with the answers of one device."""

from typing import Any

import jax
import numpy as np
import pytest
from engine_models import TABLE, bucket, embedder, loaded, right_answer, tokens
from jax.sharding import PartitionSpec as P

from jaxrun import serve
from jaxrun.serve.engine import Engine
from jaxrun.serve.engine.padding import Array
from jaxrun.serve.errors import LoadFailed

COLUMNS = serve.Sharding(mesh={"columns": 4}, params={"table": P(None, "columns")})
BOTH = serve.Sharding(
    mesh={"rows": 2, "columns": 2}, params={"table": P(None, "columns")}, batch="rows"
)


def answers_are_right(engine: Engine, *requests: dict[str, Array]) -> None:
    rows = sum(len(request["ids"]) for request in requests)
    where = bucket(8 if rows > 1 else 1, length=16)
    for request, answer in zip(requests, engine.run(where, requests).result(120), strict=True):
        assert isinstance(answer, dict)
        for name, right in right_answer(request).items():
            np.testing.assert_allclose(answer[name], right, rtol=1e-5)


@pytest.mark.parametrize(
    ("sharding", "parameter_bytes"),
    [(None, TABLE.nbytes), (COLUMNS, TABLE.nbytes // 4), (BOTH, TABLE.nbytes // 2)],
    ids=["rows", "columns", "both"],
)
def test_all_devices_answer_as_one(sharding: serve.Sharding | None, parameter_bytes: int) -> None:
    engine = loaded(embedder(sharding=sharding), devices=jax.devices()[:4])
    assert engine.plan.parameter_bytes == parameter_bytes
    answers_are_right(engine, tokens(3, 5), tokens(4, 16, seed=1))
    # One row is spread over nobody: every device has it.
    answers_are_right(engine, tokens(1, 7))
    engine.close()


def test_rows_are_spread_where_devices_divide_them() -> None:
    seen: dict[int, tuple[int, ...]] = {}

    def look(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        def inspect(sharding: Any) -> None:
            seen[x.shape[0]] = sharding.shard_shape(x.shape)

        x = inputs["ids"]
        jax.debug.inspect_array_sharding(x, callback=inspect)
        return {"ids": x + 0}

    model = embedder(
        function=look,
        inputs={"ids": serve.Input(("batch", "length"), "int32")},
        outputs={"ids": serve.Output(("batch", "length"))},
        buckets={"batch": (1, 8), "length": (16,)},
    )
    loaded(model, devices=jax.devices()[:4]).close()
    assert seen == {1: (1, 16), 8: (2, 16)}


def test_a_mesh_of_other_devices_is_refused_with_both_numbers() -> None:
    model = embedder(sharding=serve.Sharding(mesh={"columns": 8}))
    with pytest.raises(LoadFailed, match="made of 8 devices; this replica has 4"):
        loaded(model, devices=jax.devices()[:4])


def test_specs_of_other_params_are_refused() -> None:
    sharding = serve.Sharding(mesh={"columns": 4}, params={"tabel": P("columns")})
    with pytest.raises(LoadFailed, match=r"sharding\.params is no tree prefix of the params"):
        loaded(embedder(sharding=sharding), devices=jax.devices()[:4])
