import jax
import numpy as np
import optax
from flax import nnx

from digits.data import Dataset
from digits.model import CNN
from digits.parallel import global_array, shardings


class Learner:
    """The network and its optimiser as one pytree, `state`, and what is compiled to act on it."""

    def __init__(self, learning_rate: float, steps: int, seed: int) -> None:
        replicated, self._sharded = shardings()

        def create() -> tuple[CNN, nnx.Optimizer]:
            schedule = optax.cosine_decay_schedule(learning_rate, steps)
            model = CNN(nnx.Rngs(seed))
            return model, nnx.Optimizer(model, optax.adamw(schedule), wrt=nnx.Param)

        graph = nnx.graphdef(nnx.eval_shape(create))

        def step(state: nnx.State, images: jax.Array, labels: jax.Array):
            model, optimizer = nnx.merge(graph, state)

            def loss_of(model: CNN) -> jax.Array:
                losses = optax.softmax_cross_entropy_with_integer_labels(model(images), labels)
                return losses.mean()  # of the whole batch, which lies on all processes

            loss, gradients = nnx.value_and_grad(loss_of)(model)
            optimizer.update(model, gradients)
            return nnx.state((model, optimizer)), loss

        def correct(state: nnx.State, images: jax.Array, labels: jax.Array) -> jax.Array:
            model, _ = nnx.merge(graph, state)
            return (model(images).argmax(-1) == labels).sum()

        shapes = {
            "in_shardings": (replicated, self._sharded, self._sharded),
            "out_shardings": replicated,
        }
        self._step = jax.jit(step, donate_argnums=0, **shapes)
        self._correct = jax.jit(correct, **shapes)
        self.state = jax.jit(lambda: nnx.state(create()), out_shardings=replicated)()

    def step(self, dataset: Dataset, rows: np.ndarray) -> jax.Array:
        """Learns from these rows; the loss is there once somebody looks at it."""
        self.state, loss = self._step(self.state, *self._batch(dataset, rows))
        return loss

    def accuracy(self, dataset: Dataset, batch: int) -> float:
        batches = np.arange(len(dataset)).reshape(-1, batch)
        correct = sum(self._correct(self.state, *self._batch(dataset, rows)) for rows in batches)
        return int(correct) / len(dataset)

    def _batch(self, dataset: Dataset, rows: np.ndarray) -> tuple[jax.Array, jax.Array]:
        return (
            global_array(self._sharded, dataset.images, rows),
            global_array(self._sharded, dataset.labels, rows),
        )
