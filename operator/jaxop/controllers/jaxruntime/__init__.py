"""JaxRuntime: stores -> `domain.runtime` -> Plan.

For: saying which objects concern a JaxRuntime, and reading them into a Snapshot. Must not decide
anything, and must not know how objects are fetched or written.
"""

from jaxop.controllers.jaxruntime.controller import JaxRuntimeController

__all__ = ["JaxRuntimeController"]
