"""Leader and follower over a real socket: who may follow, what is told, how they part."""

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from jaxrun.serve.engine.followers import Follower, Leader, PeerLost, in_order

SECRET = b"of this replica"


class Replica:
    """A leader with one follower, and what the leader hears of losses."""

    def __init__(self) -> None:
        self.losses: list[PeerLost] = []
        self.told = threading.Event()
        self.leader = Leader(SECRET, 1, self.lost)
        accepting = threading.Thread(target=self.leader.accept, args=(60,))
        accepting.start()
        with pytest.raises(PeerLost):
            Follower("127.0.0.1", self.leader.port, b"of another", 1, 60)
        with pytest.raises(PeerLost):
            Follower("127.0.0.1", self.leader.port, SECRET, 2, 60)
        self.follower = Follower("127.0.0.1", self.leader.port, SECRET, 1, 60)
        accepting.join(60)
        assert not accepting.is_alive()

    def lost(self, loss: PeerLost) -> None:
        self.losses.append(loss)
        self.told.set()


@pytest.fixture
def replica() -> Iterator[Replica]:
    replica = Replica()
    yield replica
    replica.leader.goodbye()


def test_strangers_are_turned_away_and_the_follower_still_gets_in(replica: Replica) -> None:
    assert replica.losses == []


def test_a_batch_arrives_whole_and_in_order(replica: Replica) -> None:
    sent = {"mask": np.ones((3, 2), bool), "ids": np.arange(1 << 16, dtype=np.int32)}
    got = {"ids": np.zeros(1 << 16, np.int32), "mask": np.zeros((3, 2), bool)}
    sending = threading.Thread(target=replica.leader.send, args=(5, in_order(sent)))
    sending.start()
    asked: list[int] = []

    def buffers_of(bucket: int) -> list[np.ndarray]:  # type: ignore[type-arg]
        asked.append(bucket)
        return in_order(got)

    assert replica.follower.receive(buffers_of) == 5
    sending.join(60)
    assert asked == [5]
    for name, array in sent.items():
        assert (got[name] == array).all()


def test_goodbye_is_the_end_for_the_follower_and_no_loss(replica: Replica) -> None:
    replica.leader.goodbye()
    assert replica.follower.receive(lambda _: []) is None
    assert replica.losses == []


def test_a_follower_that_leaves_is_told_once(replica: Replica) -> None:
    replica.follower._socket.close()
    assert replica.told.wait(60)
    more = [np.zeros(64 << 20, np.uint8)]
    with pytest.raises(PeerLost, match="process 1 of this replica is gone"):
        replica.leader.send(0, more)
    assert [str(loss)[:37] for loss in replica.losses] == ["process 1 of this replica is gone: it"]


def test_a_leader_that_leaves_without_goodbye_is_lost(replica: Replica) -> None:
    for peer in replica.leader._peers.values():
        peer.shutdown(socket.SHUT_RDWR)
    with pytest.raises(PeerLost, match="process 0 of this replica is gone: it closed"):
        replica.follower.receive(lambda _: [])


def test_followers_that_do_not_come_are_named() -> None:
    leader = Leader(SECRET, 2, lambda _: None)
    with pytest.raises(PeerLost, match=r"processes \[1, 2\] have not come within 0.05 s"):
        leader.accept(0.05)


def test_who_does_not_know_the_secret_is_no_leader() -> None:
    with socket.create_server(("127.0.0.1", 0)) as impostor:

        def pretend() -> None:
            peer, _ = impostor.accept()
            with peer:
                peer.sendall(bytes(32))
                peer.recv(1000)
                peer.sendall(bytes(32))

        threading.Thread(target=pretend, daemon=True).start()
        with pytest.raises(PeerLost, match="does not know the replica's secret"):
            Follower("127.0.0.1", impostor.getsockname()[1], SECRET, 1, 60)
