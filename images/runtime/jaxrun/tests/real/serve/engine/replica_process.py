"""One process of a replica of several: replica_process.py ADDRESS PROCESSES PROCESS.

The leader reads lines from stdin: a length and a count run that many batches of that length at
once, "end" closes. All print what happens to them.
"""

import sys
from typing import Any

import jax
import numpy as np

from jaxrun import serve
from jaxrun.serve.engine import Engine
from jaxrun.serve.engine.followers import PeerLost

address, processes, process = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
jax.distributed.initialize(address, processes, process)


def total(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    return {"total": (inputs["x"] @ params["w"]).sum(1)}


model = serve.Model(
    name="total",
    function=total,
    params={"w": np.arange(8, dtype=np.float32).reshape(2, 4)},
    inputs={"x": serve.Input(("batch", "length", 2), "float32")},
    outputs={"total": serve.Output(("batch", 4))},
    buckets={"batch": (1, 4), "length": (2, 4)},
    sharding=serve.Sharding(
        mesh={"rows": 2, "columns": jax.device_count() // 2},
        params={"w": jax.sharding.PartitionSpec(None, "columns")},
        batch="rows",
    ),
    golden=[serve.Golden({"x": [[[1, 0]]]}, {"total": [[0, 1, 2, 3]]})],
)
engine = Engine(model)
try:
    engine.load(lambda loading: print(f"{loading.ready}/{loading.total}", flush=True))
    print("follows" if engine.follows else "leads", flush=True)
    if engine.follows:
        engine.follow()
    else:
        for line in sys.stdin:
            if line.strip() == "end":
                break
            length, count = map(int, line.split())
            x = np.ones((3, length, 2), np.float32)
            bucket = model.grid.bucket_of({"batch": 3, "length": length})
            running = [engine.run(bucket, [{"x": x * factor}]) for factor in range(1, count + 1)]
            for future in running:
                (answer,) = future.result(120)
                assert isinstance(answer, dict)
                print("answer", answer["total"][2].tolist(), flush=True)
        engine.close()
    print("ended", flush=True)
except PeerLost as error:
    print("PeerLost", error, flush=True)
    raise
