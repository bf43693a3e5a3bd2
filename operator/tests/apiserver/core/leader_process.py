"""One replica of an operator for the leader tests: `leader_process.py KUBECONFIG NAMESPACE NAME`.

Its log says when its stores are warm, when it leads, and which writes its fence held back.
"""

import asyncio
import logging
import signal
import sys
from contextlib import suppress

from jaxop.kube.client import ApiClient
from jaxop.kube.leader import Elector
from jaxop.kube.login import login
from jaxop.kube.loop import Loop
from jaxop.kube.transport import KubernetesTransport
from widget import WidgetController


async def main(kubeconfig: str, namespace: str, name: str) -> None:
    transport = KubernetesTransport(login(kubeconfig))
    elector = Elector(transport, namespace=namespace, name="widgets", identity=name)
    client = ApiClient(transport, fence=elector.check)
    loop = Loop(client, [WidgetController(name=f"widgets-{name}")], namespace=namespace)
    task = asyncio.create_task(loop.run(elector))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
    await transport.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(main(*sys.argv[1:]))
