"""The servers to compare with; `peers/README.md` says what each is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Peer:
    """`command` may name {bin}, {here} (the folder `peers`) and {port}."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    protocol: Literal["json", "v2"] = "json"


_BENTOML = ("{bin}/bentoml", "serve", "bentoml_server:Embedding", "--working-dir", "{here}")

PEERS = {
    peer.name: peer
    for peer in (
        Peer("fastapi-naive", ("{bin}/python", "{here}/fastapi_server.py"), {"NAIVE": "1"}),
        Peer("fastapi", ("{bin}/python", "{here}/fastapi_server.py")),
        Peer(
            "bentoml",
            (*_BENTOML, "--host", "127.0.0.1", "--port", "{port}"),
            {"BENTOML_DO_NOT_TRACK": "1"},
        ),
        Peer("ray", ("{bin}/python", "{here}/ray_server.py"), {"RAY_USAGE_STATS_ENABLED": "0"}),
        Peer("triton", ("{bin}/python", "{here}/triton_server.py"), protocol="v2"),
    )
}
