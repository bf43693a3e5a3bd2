"""From a model's function to one executable per bucket, its outputs checked against the declared.

Only these executables are ever called, so no request can cause a compilation.
"""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.engine.padding import shape_in
from jaxrun.serve.engine.sharding import Placement
from jaxrun.serve.errors import LoadFailed
from jaxrun.serve.model import Model

_MOST_THREADS = 8
_Spec: Any = jax.ShapeDtypeStruct
"""Untyped in some versions of JAX."""


@dataclass(frozen=True, slots=True)
class Executable:
    """A compiled bucket. `donated` are the inputs whose memory the outputs may take."""

    bucket: Bucket
    compiled: Any
    donated: frozenset[str]
    output_dtypes: Mapping[str, str]

    def __call__(self, params: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Dispatches and returns at once; the outputs are ready later."""
        donated = {name: array for name, array in inputs.items() if name in self.donated}
        kept = {name: array for name, array in inputs.items() if name not in self.donated}
        outputs: dict[str, Any] = self.compiled(params, donated, kept)
        return outputs


def threads() -> int:
    """How many buckets to compile at once: one for every two cores, at most eight.

    XLA compiles outside of Python's lock, but with threads of its own: on two busy cores, twelve
    buckets of a small transformer took 37 s one by one, 46 s two at once and 52 s four at once.
    """
    return max(1, min(len(os.sched_getaffinity(0)) // 2, _MOST_THREADS))


def compile_all(
    model: Model, buckets: Sequence[Bucket], params: Any, placement: Placement, at_once: int
) -> Generator[Executable, None, None]:
    """Executables in the order of `buckets`, each as soon as it is there.

    Raises LoadFailed for a bucket that cannot be traced or compiled; the others are given up then.
    """
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="jaxrun-compile")
    try:
        pending = [pool.submit(_executable, model, bucket, params, placement) for bucket in buckets]
        for compiling in pending:
            yield compiling.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _executable(model: Model, bucket: Bucket, params: Any, placement: Placement) -> Executable:
    inputs = {
        name: _Spec(shape_in(declared.shape, bucket.sizes), jnp.dtype(declared.dtype))
        for name, declared in model.inputs.items()
    }
    try:
        outputs = jax.eval_shape(_served(model), params, {}, inputs)
        check_outputs(model, bucket, outputs)
        donated = _reusable(inputs, outputs) if _donates(model, placement) else frozenset()
        sharding = placement.of_inputs(bucket)
        compiled = (
            jax.jit(
                _served(model),
                in_shardings=(jax.tree.map(lambda leaf: leaf.sharding, params), sharding, sharding),
                out_shardings=placement.of_outputs(bucket),
                donate_argnums=(1,),
            )
            .lower(
                params,
                {name: spec for name, spec in inputs.items() if name in donated},
                {name: spec for name, spec in inputs.items() if name not in donated},
            )
            .compile()
        )
    except LoadFailed:
        raise
    except Exception as error:
        raise LoadFailed(
            f"bucket {bucket} does not compile: {type(error).__name__}: {error}"
        ) from error
    dtypes = {name: str(outputs[name].dtype) for name in model.outputs}
    return Executable(bucket, compiled, donated, dtypes)


def _served(model: Model) -> Callable[[Any, dict[str, Any], dict[str, Any]], dict[str, Any]]:
    def served(params: Any, donated: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
        outputs = model.function(params, {**donated, **kept})
        if not isinstance(outputs, Mapping):
            raise LoadFailed(
                f"function returns a {type(outputs).__name__}; it returns a dict of outputs"
            )
        for name in model.outputs:
            if name not in outputs:
                raise LoadFailed(f"outputs.{name} is declared, but function does not return it")
        return {name: outputs[name] for name in model.outputs}

    # The name is a part of the compile cache's key, and what profiles and recompilations show.
    served.__name__ = served.__qualname__ = getattr(model.function, "__name__", model.name)
    return served


def check_outputs(model: Model, bucket: Bucket, outputs: Mapping[str, Any]) -> None:
    """Raises LoadFailed for an output whose shape or dtype is another than declared."""
    for name, declared in model.outputs.items():
        shape, wanted = tuple(outputs[name].shape), shape_in(declared.shape, bucket.sizes)
        if shape != wanted:
            raise LoadFailed(
                f"outputs.{name} is declared {list(declared.shape)}, in bucket {bucket} "
                f"{list(wanted)}; function returns {list(shape)}"
            )
        if declared.dtype is not None and str(outputs[name].dtype) != declared.dtype:
            raise LoadFailed(
                f"outputs.{name} is declared {declared.dtype}; function returns "
                f"{outputs[name].dtype}"
            )


def check_dtypes(model: Model) -> None:
    """Raises LoadFailed for an input of 64 bits that JAX would cut to 32."""
    for name, declared in model.inputs.items():
        dtype = jnp.dtype(declared.dtype)
        got = jax.eval_shape(lambda x: x, _Spec((), dtype)).dtype
        if got != dtype:
            raise LoadFailed(
                f"inputs.{name} is {dtype}, which JAX makes {got}: declare {got}, or set "
                "JAX_ENABLE_X64=1"
            )


def _donates(model: Model, placement: Placement) -> bool:
    # A CPU's buffers may be the host's own, which cannot be given away.
    return model.donate and placement.devices[0].platform != "cpu"


def _reusable(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> frozenset[str]:
    """Inputs that some output can lie in: JAX warns of others."""
    free = [(output.shape, output.dtype) for output in outputs.values()]
    donated = set()
    for name, spec in inputs.items():
        if (spec.shape, spec.dtype) in free:
            free.remove((spec.shape, spec.dtype))
            donated.add(name)
    return frozenset(donated)
