"""Work on a volume that may hang, in a thread that nobody has to wait for."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


async def done_within(seconds: float, work: Callable[[], None], name: str) -> bool:
    """Has `work` ended by then? It must not raise, and ends later on its own if it has not.

    The thread is a daemon: the process can end while the volume does not answer.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            # The loop may have been closed meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        await asyncio.wait_for(done.wait(), seconds)
    except asyncio.TimeoutError:
        return False
    return True
