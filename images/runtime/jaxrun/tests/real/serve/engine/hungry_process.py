"""An engine whose process may not have more memory after loading: what its batches end with.

Prints one line of JSON.
"""

import json
import resource
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxrun import serve
from jaxrun.serve.engine import Engine


def outer(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """64 MiB for each row, which XLA cannot fuse away in front of a dot product."""
    x = inputs["x"]
    return {"y": jnp.einsum("bij,bj->bi", jnp.sin(x[:, :, None] * x[:, None, :]), x).sum(1)}


model = serve.Model(
    name="hungry",
    function=outer,
    params={},
    inputs={"x": serve.Input(("batch", 4096), "float32")},
    outputs={"y": serve.Output(("batch",))},
    buckets={"batch": (1, 8)},
)
engine = Engine(model)
engine.load(lambda _: None)
(row,) = np.ones((1, 1, 4096), np.float32)


def ends(batch: int) -> str:
    error = engine.run(serve.Bucket(batch), [{"x": row}]).exception(60)
    return "answer" if error is None else type(error).__name__


fits = [ends(8), ends(1)]
used_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
temporary_bytes = engine.plan.buckets[serve.Bucket(8)].temporary_bytes
limit = used_bytes + temporary_bytes // 2
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
alternating = [ends(batch) for batch in (8, 1, 8, 8, 1)]
unbroken = engine.broken is None
in_a_row = [ends(batch) for batch in (8, 8, 8, 1)]
print(
    json.dumps(
        {
            "fits": fits,
            "alternating": alternating,
            "unbroken": unbroken,
            "in_a_row": in_a_row,
            "count": engine.out_of_memory,
            "broken": engine.broken,
        }
    )
)
