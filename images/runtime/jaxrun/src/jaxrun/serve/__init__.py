"""jaxrun.serve: a model server inside the user's Python, with the user's JAX.

    from jaxrun import serve

    def model() -> serve.Model:
        return serve.Model(name="double", function=lambda params, inputs: {"y": 2 * inputs["x"]},
                           params={}, inputs={"x": serve.Input(("batch", 3), "float32")},
                           outputs={"y": serve.Output(("batch", 3))}, buckets={"batch": (1, 8)})

`model`, `buckets` and `errors` are the contract and import neither JAX nor numpy. `engine` runs
batches on the devices, `batching` decides what runs when, `dispatch` and `flights` join the two,
`http` speaks the protocol, `adapters` make models of what Flax, Orbax and `jax.export` leave
behind. A request goes http -> dispatch -> batching -> flights -> engine and its answer the same way
back.
"""

from jaxrun.serve.buckets import Bucket, Family, Grid
from jaxrun.serve.errors import InvalidInput, NotFinite, OutOfMemory, Refused, TooLarge
from jaxrun.serve.model import Golden, Input, Model, Output, Route, Sharding

__all__ = [
    "Bucket",
    "Family",
    "Golden",
    "Grid",
    "Input",
    "InvalidInput",
    "Model",
    "NotFinite",
    "OutOfMemory",
    "Output",
    "Refused",
    "Route",
    "Sharding",
    "TooLarge",
]
