"""The JaxJobs that the benchmark applies."""

import asyncio
import time
from typing import Any

from jaxop.kube.client import ApiClient
from jaxop.kube.resources import JAXJOBS

from bench.operator import kwok

CONCURRENT_CREATES = 20


def jaxjob(name: str, hosts: int, slices: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxJob",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "accelerator": {"class": "cpu", "hosts": hosts, "slices": slices},
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "jax",
                            "image": "example/train:1.0",
                            "command": ["python", "-m", "train"],
                        }
                    ]
                }
            },
        },
    }


async def create_all(client: ApiClient, jobs: list[dict[str, Any]]) -> dict[str, float]:
    """When the API server had confirmed each: seconds of `time.monotonic`."""
    room = asyncio.Semaphore(CONCURRENT_CREATES)
    created: dict[str, float] = {}

    async def create(job: dict[str, Any]) -> None:
        async with room:
            await client.create(JAXJOBS, job, manager=kwok.MANAGER)
        created[job["metadata"]["name"]] = time.monotonic()

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(create(job))
    return created
