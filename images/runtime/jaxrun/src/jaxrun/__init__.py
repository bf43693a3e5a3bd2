"""jaxrun: what a program under JAX Operator may say, and learn, of its gang.

    import jaxrun
    jaxrun.report(step=step, loss=loss)
    if jaxrun.should_stop(): ...
    with jaxrun.span("checkpoint"): ...
    for batch in jaxrun.data(batches): ...

All of it is optional, never raises, never blocks on a device, and does nothing outside of a pod of
the operator. This package is also the launcher (`python -m jaxrun`): `program` is the part that
lives inside the user's process, is all that gets onto its path, and imports nothing of the rest.
The launcher's modules are wired in `launch`; `gang` is how N of them act as one.
"""

from jaxrun.program.api import checkpointed, data, report, should_stop, span

__version__ = "0.1.0"
__all__ = ["checkpointed", "data", "report", "should_stop", "span"]
