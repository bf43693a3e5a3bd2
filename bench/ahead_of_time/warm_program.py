"""A program as a Warmup with aheadOfTime runs it: a train step over a mesh of jaxrun.devices()."""

from typing import Any

import jax
import jax.numpy as jnp
import jaxrun
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

partition: Any = PartitionSpec
array: Any = jax.ShapeDtypeStruct


def main() -> None:
    mesh = Mesh(np.array(jaxrun.devices()), ("data",))
    weights = NamedSharding(mesh, partition())
    rows = NamedSharding(mesh, partition("data"))

    def step(w: Any, x: Any) -> Any:
        return w - 0.1 * jax.grad(lambda w: jnp.mean((jnp.tanh(x @ w) @ w) ** 2))(w)

    def evaluate(w: Any, x: Any) -> Any:
        return jnp.mean((jnp.tanh(x @ w) @ w) ** 2)

    w = array((512, 512), jnp.float32, sharding=weights)
    x = array((8 * mesh.size, 512), jnp.float32, sharding=rows)
    jaxrun.warm(jax.jit(step, out_shardings=weights), w, x)
    jaxrun.warm(evaluate, w, x)
    print(float(jax.jit(lambda: jnp.arange(8.0).sum())()), "on", jax.default_backend())


if __name__ == "__main__":
    main()
