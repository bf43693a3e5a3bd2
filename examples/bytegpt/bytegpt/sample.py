import jax
import jax.numpy as jnp

from bytegpt.model import GPT

TEMPERATURE = 0.7


def write(model: GPT, prompt: jax.Array, length: int, key: jax.Array) -> jax.Array:
    """`length` bytes drawn one after another, each from all that came before; starts with `prompt`.

    `length` is at most the model's context.
    """
    text = jnp.zeros((1, length), jnp.int32).at[0, : len(prompt)].set(prompt)

    def draw(at: jax.Array, text: jax.Array) -> jax.Array:
        logits = model(text)[0, at - 1] / TEMPERATURE
        return text.at[0, at].set(jax.random.categorical(jax.random.fold_in(key, at), logits))

    return jax.lax.fori_loop(len(prompt), length, draw, text)[0]
