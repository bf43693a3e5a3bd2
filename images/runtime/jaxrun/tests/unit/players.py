"""A gang of played launchers around the real state machine: what launchers do, without processes.

Each does at some later moment what it was told, as real ones do; losing launcher 0 loses the state.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from jaxrun.contract import GangState
from jaxrun.evidence import Death, How
from jaxrun.gang.memory import Memory
from jaxrun.gang.outputs import Drop, Output, Send
from jaxrun.gang.protocol import (
    Bye,
    Calls,
    Died,
    End,
    Gone,
    Idle,
    PleaseStop,
    Remember,
    Start,
    Stop,
    StopAsked,
)
from jaxrun.gang.sequel import Terms
from jaxrun.gang.state import Gang
from jaxrun.program_progress import Progress
from jaxrun.settings import Timing

UNIX = 1_800_000_000.0


@dataclass
class Player:
    """One launcher; a new one takes its place when it is lost or leaves."""

    connected: bool = False
    memory: Memory = field(default_factory=Memory)
    program: int | None = None
    """The epoch whose program runs, or is being killed."""
    told_to_stop: int | None = None
    asked: bool = False
    ended: End | None = None


class Play:
    """Checks at every start that no two epochs overlap, and that all are there and willing."""

    def __init__(self, size: int, timing: Timing, terms: Terms) -> None:
        self.size, self.timing, self.terms = size, timing, terms
        self.now = 100.0
        self.players = [Player() for _ in range(size)]
        self.starts: list[int] = []
        self.farewells: list[tuple[int, End]] = []
        self.gang = self._new_gang()

    def _new_gang(self) -> Gang:
        return Gang(
            self.size,
            self.timing,
            lambda epoch: 9439 + epoch,
            self.now,
            self.terms,
            lambda now: now + UNIX,
        )

    def join(self, process: int) -> bool:
        """A launcher that has no program, and is not connected, tries to join."""
        player = self.players[process]
        if player.connected or player.program is not None or player.ended is not None:
            return False
        if not self.players[0].connected and process != 0:
            return False  # nobody listens
        if self.gang.refusal(process) is not None:
            return False
        player.connected = True
        self.take(self.gang.join(process, f"host-{process}", player.memory, self.now))
        return True

    def lose(self, process: int) -> None:
        """The pod is gone, with all that was in it; another will come in its place."""
        player = self.players[process]
        if process == 0:
            self.lose_server()
            return
        self.players[process] = Player()
        if player.connected:
            self.take(self.gang.left(process, "closed", self.now))

    def lose_server(self) -> None:
        """The state goes with launcher 0; the others kill their programs and look for the next."""
        for process in range(1, self.size):
            self._on_its_own(process)
        self.players[0] = Player()
        self.gang = self._new_gang()

    def _on_its_own(self, process: int) -> None:
        """Without process 0 the program is killed; one that was asked to stop leaves."""
        player = self.players[process]
        player.connected = False
        if player.program is not None:
            player.told_to_stop = player.program
        if player.asked:
            self.players[process] = Player()

    def silence(self, process: int) -> None:
        """Its connection breaks, its program is killed, and it comes back itself."""
        player = self.players[process]
        if process != 0 and player.connected:
            self._on_its_own(process)
            self.take(self.gang.left(process, "broke", self.now))

    def die(self, process: int, death: Death) -> None:
        player = self.players[process]
        if player.connected and player.program is not None and player.told_to_stop is None:
            self.say(process, Died(player.program, replace(death, process=process)))

    def finish(self, process: int) -> None:
        """The program exits with 0, without JAX."""
        player = self.players[process]
        if player.connected and player.program is not None and player.told_to_stop is None:
            self.say(process, Gone(player.program, 0, None))

    def ask(self, process: int) -> None:
        """SIGTERM."""
        player = self.players[process]
        if player.asked or player.ended is not None:
            return
        player.asked = True
        if player.connected:
            self.say(process, StopAsked(15))
        elif process == 0:
            self.lose_server()
        else:
            self.players[process] = Player()

    def clear(self, process: int) -> None:
        """A program that was told to stop is gone, with everything below it."""
        player = self.players[process]
        if player.program is None or player.told_to_stop != player.program:
            return
        epoch, player.program, player.told_to_stop = player.program, None, None
        if player.connected:
            self.say(process, Gone(epoch, None, 9))
            self.say(process, Idle(epoch))

    def leave(self, process: int) -> None:
        """One that was told how it ended leaves."""
        player = self.players[process]
        if player.ended is None:
            return
        if player.connected:
            self.say(process, Bye())
        if self.gang.verdict is None:
            self.lose(process)

    def wait(self, seconds: float, tick: float = 0.25) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + tick, end)
            if not self.players[0].connected:
                continue
            for process, player in enumerate(self.players):
                if player.connected:
                    self.gang.heard(process, self.now)
            self.take(self.gang.tick(self.now))

    def settle(self) -> None:
        """All do what they were told, those who are missing come, and waits pass."""
        for _ in range(6):
            for process in range(self.size):
                self.clear(process)
                self.leave(process)
            for process in range(self.size):
                self.join(process)
            self.wait(45.0, tick=0.9)

    def say(self, process: int, message: Any) -> None:
        self.take(self.gang.message(process, message, self.now))

    def take(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Drop):
                self.players[output.process].connected = False
            elif isinstance(output, Send):
                to = range(self.size) if output.to is None else [output.to]
                told = [i for i in to if self.players[i].connected]
                if isinstance(output.message, Start):
                    self._check_start(output.message, told)
                for process in told:
                    self._tell(process, output.message)

    def _check_start(self, start: Start, told: list[int]) -> None:
        assert told == list(range(self.size)), f"started without {told}"
        running = {i: p.program for i, p in enumerate(self.players) if p.program is not None}
        assert not running, f"epoch {start.epoch} begins while there are programs {running}"
        asked = [i for i, p in enumerate(self.players) if p.asked or p.ended]
        assert not asked, f"{asked} were asked to stop"
        if all(player.memory.epoch == 0 for player in self.players):
            self.starts.clear()  # of those who knew better nobody is left
        assert start.epoch > max(self.starts, default=0), (start, self.starts)
        self.starts.append(start.epoch)

    def _tell(self, process: int, message: Any) -> None:
        player = self.players[process]
        if isinstance(message, Start):
            player.program = message.epoch
            player.memory = replace(player.memory, epoch=message.epoch)
            self.say(process, Progress(message.epoch))
        elif isinstance(message, Remember):
            player.memory = message.memory
        elif isinstance(message, PleaseStop):
            self.say(process, Calls(message.epoch, 0))
        elif isinstance(message, Stop):
            if player.program == message.epoch:
                player.told_to_stop = message.epoch
            else:
                self.say(process, Idle(message.epoch))
        elif isinstance(message, End):
            assert player.ended is None, "told twice"
            self.farewells.append((process, message))
            player.ended = message
            player.program = player.told_to_stop = None

    @property
    def runs(self) -> bool:
        """Whether the present epoch goes on undisturbed."""
        return self.players[0].connected and self.gang.state(self.now) in (
            GangState.STARTING,
            GangState.COMPILING,
            GangState.RUNNING,
        )


def exited(code: int) -> Death:
    return Death(0, "host", How.EXITED, exit_code=code)
