"""The environment of a program that compiles for devices which are not there.

JAX itself runs on cpu, whatever the template says of its platform: asking for the TPU would fail.
libtpu, which compiles, asks a metadata server for its host, and none answers.
"""

from collections.abc import Mapping

_WITHOUT_A_SERVER = {"TPU_SKIP_MDS_QUERY": "1", "TPU_WORKER_HOSTNAMES": "localhost"}


def environment_without_devices(inherited: Mapping[str, str]) -> Mapping[str, str]:
    """What is set for it; of the rest what the template says stays."""
    ours = {name: value for name, value in _WITHOUT_A_SERVER.items() if name not in inherited}
    return {**ours, "JAX_PLATFORMS": "cpu"}
