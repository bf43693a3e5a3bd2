"""What a launcher tells when it has to end, or to go on, without the gang's word."""

import time
from collections.abc import Sequence
from dataclasses import replace

from jaxrun import cause
from jaxrun.contract import Cause, Scope
from jaxrun.evidence import Death, How, StopRequest, Verdict
from jaxrun.gang.memory import Memory
from jaxrun.run import Run
from jaxrun.settings import Settings


class Alone:
    """Of one launcher; `frozen_seconds` is how long it was not scheduled, if it was so."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.frozen_seconds = 0.0

    def refused(self, reason: str, epoch: int) -> Verdict:
        """Process 0 does not want us."""
        return self._own(cause.EXIT_REFUSED, f"was refused by process 0: {reason}", epoch)

    def gave_up(self, reason: str, epoch: int) -> Verdict:
        """The next process 0 did not come."""
        return self._own(cause.EXIT_PEER_LOST, f"waited for process 0 in vain: {reason}", epoch)

    def lost(self, reason: str, epoch: int) -> Verdict:
        """Process 0 is gone, no program runs, and nobody waits."""
        return self._own(cause.EXIT_PEER_LOST, f"lost process 0: {reason}", epoch)

    def cannot_kill(self, epoch: int) -> Verdict:
        """What holds the devices does not end, so nothing can be started beside it."""
        text = "cannot kill its program, which waits for a device or a file system"
        return self._own(cause.EXIT_PEER_LOST, text, epoch)

    def stopped(
        self, signal: int, run: Run | None, memory: Memory, missing: Sequence[int]
    ) -> Verdict:
        """Asked to stop; `run` is the program that has to be killed for it, if there is one."""
        settings = self._settings
        request = StopRequest(settings.process_id, settings.host, signal)
        if run is None:
            verdict = cause.asked_while_idle(request, memory.epoch, missing, memory.step)
        else:
            killed = (settings.process_id,) if run.ended is None else ()
            verdict = cause.preempted(request, run.epoch, run.step, killed, run.death)
        return self._complete(replace(verdict, scope=Scope.POD), memory)

    def after_loss(
        self, run: Run, memory: Memory, server_host: str, reason: str
    ) -> tuple[Verdict, Death]:
        """Process 0 was lost while `run` was on: why this epoch is over."""
        settings, death = self._settings, run.death
        if death is None or cause.is_consequence(death):
            process, host = 0, server_host
            if self.frozen_seconds:
                process, host = settings.process_id, settings.host
                reason = f"its launcher was not scheduled for {self.frozen_seconds:.1f} s"
            death = Death(process, host, How.LOST, step=run.step, detail=reason)
        return self._complete(cause.verdict_of(death, run.epoch), memory), death

    def _own(self, exit_code: int, text: str, epoch: int) -> Verdict:
        settings = self._settings
        return Verdict(
            Cause.PEER_LOST,
            exit_code,
            f"process {settings.process_id} ({settings.host}) {text}",
            epoch=epoch,
            process=settings.process_id,
            host=settings.host,
            time=time.time(),
        )

    def _complete(self, verdict: Verdict, memory: Memory) -> Verdict:
        return replace(
            verdict,
            time=time.time(),
            checkpoint_step=memory.checkpoint_step,
            ledger=memory.ledger,
        )
