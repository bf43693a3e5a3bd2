import math

import jax
import numpy as np
import optax
from flax import nnx

from bytegpt.jaxjob import warm
from bytegpt.model import GPT, Shape
from bytegpt.parallel import global_array, shardings
from bytegpt.sample import write

WARMUP_STEPS = 20


class Learner:
    """The network and its optimiser as one pytree, `state`, and what is compiled to act on it.

    Nothing is on a device before `begin`, so that `warm` needs none.
    """

    state: nnx.State

    def __init__(self, shape: Shape, learning_rate: float, steps: int, seed: int) -> None:
        replicated, self._sharded = shardings()

        def create() -> tuple[GPT, nnx.Optimizer]:
            schedule = optax.warmup_cosine_decay_schedule(
                0.0, learning_rate, WARMUP_STEPS, max(steps, WARMUP_STEPS + 1)
            )
            optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule))
            model = GPT(shape, nnx.Rngs(seed))
            return model, nnx.Optimizer(model, optimizer, wrt=nnx.Param)

        graph = nnx.graphdef(nnx.eval_shape(create))

        def loss_of(model: GPT, windows: jax.Array) -> jax.Array:
            logits = model(windows[:, :-1])
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, windows[:, 1:])
            return losses.mean()  # of the whole batch, which lies on all processes

        def step(state: nnx.State, windows: jax.Array):
            model, optimizer = nnx.merge(graph, state)
            loss, gradients = nnx.value_and_grad(loss_of)(model, windows)
            optimizer.update(model, gradients)
            return nnx.state((model, optimizer)), loss

        def test(state: nnx.State, windows: jax.Array) -> jax.Array:
            return loss_of(nnx.merge(graph, state)[0], windows)

        def sample(state: nnx.State, prompt: jax.Array) -> jax.Array:
            return write(nnx.merge(graph, state)[0], prompt, shape.context, jax.random.key(seed))

        inputs = {"in_shardings": (replicated, self._sharded), "out_shardings": replicated}
        self._step = jax.jit(step, donate_argnums=0, **inputs)
        self._test = jax.jit(test, **inputs)
        self._sample = jax.jit(sample, in_shardings=replicated, out_shardings=replicated)
        self._create = jax.jit(lambda: nnx.state(create()), out_shardings=replicated)

    def begin(self) -> None:
        """With new weights."""
        self.state = self._create()

    def warm(self, windows: tuple[int, int], prompt: bytes) -> None:
        """Compiles all that it may run, for windows of this shape, and runs none of it."""
        state = jax.eval_shape(self._create)
        warm(self._create)
        like = jax.ShapeDtypeStruct(windows, np.int32)
        warm(self._step, state, like)
        warm(self._test, state, like)
        warm(self._sample, state, jax.ShapeDtypeStruct((len(prompt),), np.int32))

    def step(self, windows: np.ndarray) -> jax.Array:
        """Learns from these windows; the loss, in nats, is there once somebody looks at it."""
        self.state, loss = self._step(self.state, self._batch(windows))
        return loss

    def bits_per_byte(self, windows: np.ndarray) -> float:
        return float(self._test(self.state, self._batch(windows))) / math.log(2)

    def sample(self, prompt: bytes) -> str:
        start = np.frombuffer(prompt, np.uint8).astype(np.int32)
        written = np.asarray(self._sample(self.state, start))
        return "".join(c if c.isprintable() or c == "\n" else "·" for c in map(chr, written))

    def _batch(self, windows: np.ndarray) -> jax.Array:
        return global_array(self._sharded, windows, np.arange(len(windows)))
