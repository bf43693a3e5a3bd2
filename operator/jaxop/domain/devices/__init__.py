"""From a class of accelerators and a request to the layout of one slice, or to what is wrong.

For: `resolve(name, AcceleratorClassSpec, Accelerator) -> SliceLayout | tuple[Problem, ...]`.
Must not know: any device by name. What a v5e or an H100 is, which topologies it has and on which
nodes it is found comes as data, in an AcceleratorClass; a new device changes nothing here.
"""

from jaxop.domain.devices.layout import SliceLayout
from jaxop.domain.devices.resolve import resolve

__all__ = ["SliceLayout", "resolve"]
