"""What lives inside the user's own process: standard library only, and as little as possible.

`hooks` is what sitecustomize calls: it notices how the interpreter ends and waits for JAX, which
`jax_events` then listens to; `lowerings` and `compilations` tell what is compiled and why again,
`cache_reads` of entries that cannot be read. `reporter` carries what they see to the launcher,
`flag` what the launcher says back, `api` and `devices` are what the user may call. Nothing here may
raise into user code, block it, or import JAX, but where `api` and `devices` are asked to use it.
"""
