"""What every program in a runtime finds in its environment."""

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.jax_runtime import JaxRuntimeSpec


def environment(spec: JaxRuntimeSpec) -> list[Manifest]:
    """As a container's `env`."""
    env = [{"name": variable.name, "value": variable.value} for variable in spec.env]
    if spec.xla_flags:
        env.append({"name": "XLA_FLAGS", "value": " ".join(spec.xla_flags)})
    if spec.libtpu_init_args:
        env.append({"name": "LIBTPU_INIT_ARGS", "value": " ".join(spec.libtpu_init_args)})
    return env
