"""A model that is declared wrong says which field is, when it is made."""

from typing import Any

import pytest

from jaxrun import serve


def declare(**changes: Any) -> serve.Model:
    fields: dict[str, Any] = {
        "name": "net",
        "function": lambda params, inputs: inputs,
        "params": {},
        "inputs": {"x": serve.Input(("batch", "length", 3), "float32")},
        "outputs": {"y": serve.Output(("batch", 4))},
        "buckets": {"batch": (8, 1), "length": (16, 32)},
    }
    return serve.Model(**{**fields, **changes})


def test_buckets_are_every_combination_smallest_batches_first() -> None:
    assert [str(bucket) for bucket in declare().grid.all()] == [
        "batch=1,length=16",
        "batch=1,length=32",
        "batch=8,length=16",
        "batch=8,length=32",
    ]


def test_other_buckets_replace_those_of_their_dimension_only() -> None:
    model = declare().with_buckets({"batch": [2, 4]})
    assert model.grid.batches == (2, 4)
    assert model.grid.families == ((("length", 16),), (("length", 32),))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, r"name is ''; it is made of letters, digits, '.', '_' and '-'"),
    ({"version": 1}, r"version is 1; it is made of"),
    ({"function": 3}, "function is 3; it is a function"),
    ({"buckets": {"length": (16,)}}, 'buckets: "batch" is missing'),
    ({"buckets": {"batch": (), "length": (1,)}}, "buckets.batch is empty; give at least one size"),
    ({"buckets": {"batch": (1, 0), "length": (1,)}}, "buckets.batch has 0; sizes are whole"),
    ({"buckets": {"batch": (1, 1), "length": (1,)}}, r"buckets.batch has a size twice: \[1, 1\]"),
    ({"buckets": {"batch": 8, "length": (1,)}}, "buckets is no mapping of names to sizes"),
    ({"buckets": {"batch": (1,)}}, "inputs.x has dimension 'length', which buckets lacks"),
    (
        {"buckets": {"batch": (1,), "length": (1,), "height": (2,)}},
        "buckets.height is no dimension of any input",
    ),
    ({"inputs": {}}, "inputs is {}; it maps names to Input"),
    ({"outputs": {"y": ("batch", 4)}}, r"outputs.y is \('batch', 4\); it is of type Output"),
    (
        {"golden": [serve.Golden({"y": 1}, {"y": 1})]},
        r"golden\[0\].inputs lacks 'x'",
    ),
    ({"golden": [serve.Golden({"x": 1}, {"z": 1})]}, r"golden\[0\].outputs has 'z', no output"),
    (
        {"routes": [serve.Route("/a", before=dict, after=dict)] * 2},
        "routes has '/a' twice",
    ),
]


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=[text[:30] for _, text in WRONG])
def test_a_wrong_model_names_the_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        declare(**changes)


def test_buckets_of_an_unknown_dimension_are_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"buckets.lenght is no dimension of model net: batch, len"
    ):
        declare().with_buckets({"lenght": [1]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: serve.Input(("length",), "int32"), 'its first dimension is "batch"'),
        (lambda: serve.Input("batch", "int32"), "Input.shape is 'batch'; it is a tuple"),
        (lambda: serve.Input(("batch", 0), "int32"), "Input.shape has 0; it has numbers from 1"),
        (lambda: serve.Input(("batch", -1), "int32"), "Input.shape has -1; name the dimension"),
        (lambda: serve.Input(("batch", "n", "n"), "int32"), "a name is in it twice"),
        (lambda: serve.Input(("batch",), "int"), "Input.dtype is 'int'; it is one of bool, uint8"),
        (lambda: serve.Output(("batch",), "int"), "Output.dtype is 'int'; it is None or one of"),
        (lambda: serve.Golden({}, {}), "Golden.outputs is empty"),
        (lambda: serve.Golden({}, {"y": 1}, rtol=-1), "Golden.rtol is -1; it is a number from 0"),
        (lambda: serve.Route("v", dict, dict), "Route.path is 'v'; it begins with \"/\""),
        (lambda: serve.Route("/v2/x", dict, dict), "are the server's"),
        (lambda: serve.Sharding({}), "Sharding.mesh is empty"),
        (lambda: serve.Sharding({"a": 0}), "Sharding.mesh.a is 0; it is a number from 1"),
        (lambda: serve.Sharding({"a": 2}, batch="b"), "Sharding.batch is 'b'; it is an axis"),
    ],
)
def test_a_wrong_part_names_the_field(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
