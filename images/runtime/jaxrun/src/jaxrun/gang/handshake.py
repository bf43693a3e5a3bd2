"""Who may join: both sides prove that they know the token, and it never crosses the wire.

HMAC-SHA256 (RFC 2104) over a label, both fresh nonces and the member's whole identity, so that a
recorded handshake is worth nothing and no field of it can be changed on the way.
"""

import dataclasses
import hashlib
import hmac
import json
import secrets

from jaxrun.gang.memory import Memory
from jaxrun.gang.protocol import VERSION, Challenge, Hello, Refused
from jaxrun.gang.wire import to_data
from jaxrun.settings import Settings


def challenge() -> Challenge:
    """A fresh one for every connection."""
    return Challenge(nonce=secrets.token_hex(32))


def hello(settings: Settings, asked: Challenge, memory: Memory, via: str = "") -> Hello:
    """The answer to a challenge, with the proof in it."""
    unsigned = Hello(
        nonce=secrets.token_hex(32),
        job=settings.job,
        attempt=settings.attempt,
        process=settings.process_id,
        num_processes=settings.num_processes,
        host=settings.host,
        memory=memory,
        via=via,
    )
    return dataclasses.replace(
        unsigned, proof=_proof(settings.token, "member", asked.nonce, unsigned)
    )


def server_proof(token: str, asked: Challenge, said: Hello) -> str:
    """What the server answers, over the same identity and nonces under another label."""
    return _proof(token, "server", asked.nonce, said)


def server_is_genuine(token: str, asked: Challenge, said: Hello, proof: str) -> bool:
    """Whether the one who answered knows the token."""
    return hmac.compare_digest(server_proof(token, asked, said).encode(), proof.encode())


def refusal(settings: Settings, asked: Challenge, said: Hello, address: str = "") -> Refused | None:
    """Why `said` may not join the gang of `settings`, whose server is at `address`; None if it may.

    Whoever knocks could pass on what both sides say; what comes by way of a stranger's address is
    not taken.
    """
    if said.version != VERSION:
        return Refused(f"protocol version {said.version}, and this gang speaks {VERSION}")
    proof = _proof(settings.token, "member", asked.nonce, said)
    if not hmac.compare_digest(proof.encode(), said.proof.encode()):
        return Refused("wrong token: not the one of this gang's Secret")
    for name, theirs, ours in (
        ("job", said.job, settings.job),
        ("attempt", said.attempt, settings.attempt),
        ("number of processes", said.num_processes, settings.num_processes),
    ):
        if theirs != ours:
            return Refused(f"wrong {name}: {theirs}, and this gang's is {ours}")
    if said.via and said.via != address:
        return Refused(f"it was sent to {said.via}, and this is {address}", retry=True)
    if not 0 <= said.process < settings.num_processes:
        return Refused(f"process {said.process} of a gang of {settings.num_processes}")
    return None


def _proof(token: str, label: str, server_nonce: str, said: Hello) -> str:
    identity = to_data(dataclasses.replace(said, proof=""))
    text = json.dumps(["jaxrun", label, server_nonce, identity], sort_keys=True)
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()
