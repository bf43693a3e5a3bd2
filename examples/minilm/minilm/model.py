"""A BERT encoder whose output is the mean over a text's tokens, at unit length."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx


@dataclass(frozen=True)
class Shape:
    vocabulary: int = 30_522
    positions: int = 512
    layers: int = 6
    width: int = 384
    heads: int = 12
    hidden: int = 1_536
    norm_epsilon: float = 1e-12


class Attention(nnx.Module):
    """Every token looks at all tokens of its own text, and at no padding."""

    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        self.heads = shape.heads
        self.qkv = nnx.Linear(shape.width, 3 * shape.width, rngs=rngs)
        self.out = nnx.Linear(shape.width, shape.width, rngs=rngs)

    def __call__(self, x: jax.Array, is_token: jax.Array) -> jax.Array:
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = jnp.unstack(qkv, axis=2)
        mask = is_token[:, None, None, :]
        seen = jax.nn.dot_product_attention(query, key, value, mask=mask)
        return self.out(seen.reshape(batch, length, width))


class MLP(nnx.Module):
    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        self.up = nnx.Linear(shape.width, shape.hidden, rngs=rngs)
        self.down = nnx.Linear(shape.hidden, shape.width, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.down(jax.nn.gelu(self.up(x), approximate=False))


class Block(nnx.Module):
    """Norms come after the sums, as in the first Transformers."""

    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        self.attention = Attention(shape, rngs)
        self.attention_norm = nnx.LayerNorm(shape.width, epsilon=shape.norm_epsilon, rngs=rngs)
        self.mlp = MLP(shape, rngs)
        self.mlp_norm = nnx.LayerNorm(shape.width, epsilon=shape.norm_epsilon, rngs=rngs)

    def __call__(self, x: jax.Array, is_token: jax.Array) -> jax.Array:
        x = self.attention_norm(x + self.attention(x, is_token))
        return self.mlp_norm(x + self.mlp(x))


class Encoder(nnx.Module):
    """Token ids (n, length) and their mask (n, length) to embeddings (n, width).

    The mask is 1 for a token and 0 for padding. A row of nothing but padding gives zeros.
    """

    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        self.words = nnx.Embed(shape.vocabulary, shape.width, rngs=rngs)
        self.positions = nnx.Embed(shape.positions, shape.width, rngs=rngs)
        self.norm = nnx.LayerNorm(shape.width, epsilon=shape.norm_epsilon, rngs=rngs)
        self.blocks = nnx.List(Block(shape, rngs) for _ in range(shape.layers))

    def __call__(self, ids: jax.Array, mask: jax.Array) -> jax.Array:
        is_token = mask.astype(bool)
        x = self.norm(self.words(ids) + self.positions(jnp.arange(ids.shape[1])))
        for block in self.blocks:
            x = block(x, is_token)
        return unit(jnp.sum(x, axis=1, where=is_token[..., None]))


def unit(x: jax.Array) -> jax.Array:
    """Rows of length 1. The sum over tokens has the direction of their mean: no need to divide."""
    length = jnp.linalg.norm(x, axis=-1, keepdims=True)
    return x / jnp.maximum(length, 1e-12)
