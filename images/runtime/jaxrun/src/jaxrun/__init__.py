"""jaxrun: what a program under JAX Operator may say, and learn, of its gang.

    import jaxrun
    jaxrun.report(step=step, loss=loss)
    if jaxrun.should_stop(): ...
    with jaxrun.span("checkpoint"): ...
    for batch in jaxrun.data(batches): ...
    mesh = jax.sharding.Mesh(jaxrun.devices(), ("data",))
    jaxrun.warm(train_step, shapes, batch_shape)

All of it is optional and, outside of a pod of the operator, does nothing; but for `warm`, which
compiles, and `devices`, which are JAX's own there, it never raises and never blocks on a device.
This package is also the launcher (`python -m jaxrun`): `program` is the part that lives inside the
user's process, is all that gets onto its path, and imports nothing of the rest. The launcher's
modules are wired in `launch`; `gang` is how N of them act as one.
"""

from jaxrun.program.api import checkpointed, data, report, should_stop, span, warm
from jaxrun.program.devices import devices

__version__ = "0.1.0"
__all__ = ["checkpointed", "data", "devices", "report", "should_stop", "span", "warm"]
