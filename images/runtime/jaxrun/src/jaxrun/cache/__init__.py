"""The compile cache, on both sides of its volume.

A program's pod has a private directory that JAX uses as its cache. `local` links it to what is
published before the program starts, `offer` hands new entries over, and neither ever fails or
holds up a program. The one who publishes is `keeper`, a process of its own (`python -m jaxrun
keep`). `layout`, `manifest` and `entry` are the format that both agree on; `files` and `background`
know how to touch a volume that others write to and that may hang. Nothing here imports JAX.
"""
