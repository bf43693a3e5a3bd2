"""The engine: holds a model on its devices and runs batches, and knows nothing of requests' queues,
deadlines or protocols.

`load` plans memory, compiles every bucket, executes each and verifies goldens. After that `run`
pads a batch's requests into the bucket, transfers, executes and un-pads, with a few batches in
flight so that transfers and execution overlap. Only executables made in `load` are ever called:
a compilation after ready is a defect and is counted.
"""

from jaxrun.serve.engine.engine import Engine
from jaxrun.serve.engine.loading import Loading, MemoryPlan, Need

__all__ = ["Engine", "Loading", "MemoryPlan", "Need"]
