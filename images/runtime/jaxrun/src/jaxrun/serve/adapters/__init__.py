"""Models out of what training leaves behind; each module here is one way, one function `model`.

    from jaxrun.serve.adapters import flax_nnx
    def model() -> serve.Model:
        return flax_nnx.model(Net(nnx.Rngs(0)), call=lambda net, inputs: {"y": net(inputs["x"])},
                              checkpoint="/models/net", name="net", inputs=..., ...)

`flax_nnx` and `flax_linen` take a module and an Orbax checkpoint, `exported` takes a `jax.export`
artifact; `orbax` reads checkpoints as arrays on the host, for whatever device there is. None is
imported unless asked for, so Flax and Orbax are needed only by who uses them. What is left of
`serve.Model`'s fields is passed on as it is.
"""
