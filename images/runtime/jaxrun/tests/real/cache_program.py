"""Compiles two functions and prints what JAX's cache had to do with it, as JSON."""

import json
import sys

import jax
import jax.numpy as jnp
from jax import monitoring

REQUESTS = "/jax/compilation_cache/compile_requests_use_cache"
HITS = "/jax/compilation_cache/cache_hits"
seen = {REQUESTS: 0, HITS: 0}


def count(event: str, **_: object) -> None:
    if event in seen:
        seen[event] += 1


monitoring.register_event_listener(count)
answer = float(jax.jit(lambda x: (x * 2 + 1).sum())(jnp.arange(8.0)))
json.dump({"answer": answer, "requests": seen[REQUESTS], "hits": seen[HITS]}, sys.stdout)
