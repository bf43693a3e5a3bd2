from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

BYTES = 256
ROTARY_BASE = 10_000


@dataclass(frozen=True)
class Shape:
    layers: int = 12
    width: int = 128
    heads: int = 4
    context: int = 128
    unroll: bool = False


def rotate(x: jax.Array) -> jax.Array:
    """Rotary positions (Su et al., 2021) on (n, length, heads, size)."""
    half = x.shape[-1] // 2
    frequency = ROTARY_BASE ** (-jnp.arange(half) / half)
    angle = jnp.arange(x.shape[1])[:, None, None] * frequency
    left, right = jnp.split(x, 2, axis=-1)
    sin, cos = jnp.sin(angle), jnp.cos(angle)
    return jnp.concatenate([left * cos - right * sin, right * cos + left * sin], axis=-1)


class Attention(nnx.Module):
    """Causal, with normalised and rotated queries and keys."""

    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        self.heads = shape.heads
        self.qkv = nnx.Linear(shape.width, 3 * shape.width, use_bias=False, rngs=rngs)
        self.query_norm = nnx.RMSNorm(shape.width // shape.heads, rngs=rngs)
        self.key_norm = nnx.RMSNorm(shape.width // shape.heads, rngs=rngs)
        self.out = nnx.Linear(shape.width, shape.width, use_bias=False, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = jnp.unstack(qkv, axis=2)
        query, key = rotate(self.query_norm(query)), rotate(self.key_norm(key))
        seen = jax.nn.dot_product_attention(query, key, value, is_causal=True)
        return self.out(seen.reshape(batch, length, width))


class MLP(nnx.Module):
    """Gated (SwiGLU)."""

    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        hidden = 3 * shape.width
        self.gate = nnx.Linear(shape.width, hidden, use_bias=False, rngs=rngs)
        self.up = nnx.Linear(shape.width, hidden, use_bias=False, rngs=rngs)
        self.down = nnx.Linear(hidden, shape.width, use_bias=False, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.down(nnx.silu(self.gate(x)) * self.up(x))


class Block(nnx.Module):
    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        self.attention_norm = nnx.RMSNorm(shape.width, rngs=rngs)
        self.attention = Attention(shape, rngs)
        self.mlp_norm = nnx.RMSNorm(shape.width, rngs=rngs)
        self.mlp = MLP(shape, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.attention(self.attention_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class Stack(nnx.Module):
    """Blocks one after another, compiled once and run in a loop: their weights lie in one array."""

    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        @nnx.split_rngs(splits=shape.layers)
        @nnx.vmap(in_axes=0, out_axes=0)
        def create(rngs: nnx.Rngs) -> Block:
            return Block(shape, rngs)

        self.blocks = create(rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        graph, weights = nnx.split(self.blocks)

        def through(x: jax.Array, weights: nnx.State) -> tuple[jax.Array, None]:
            return nnx.merge(graph, weights)(x), None

        return jax.lax.scan(through, x, weights)[0]


class Unrolled(nnx.Module):
    """Blocks one after another, each compiled anew."""

    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        self.blocks = nnx.List(Block(shape, rngs) for _ in range(shape.layers))

    def __call__(self, x: jax.Array) -> jax.Array:
        for block in self.blocks:
            x = block(x)
        return x


class GPT(nnx.Module):
    """Bytes (n, length) to logits (n, length, 256) of the byte that follows each."""

    def __init__(self, shape: Shape, rngs: nnx.Rngs) -> None:
        self.embedding = nnx.Embed(BYTES, shape.width, rngs=rngs)
        self.layers = (Unrolled if shape.unroll else Stack)(shape, rngs)
        self.norm = nnx.RMSNorm(shape.width, rngs=rngs)
        self.logits = nnx.Linear(shape.width, BYTES, use_bias=False, rngs=rngs)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        return self.logits(self.norm(self.layers(self.embedding(tokens))))
