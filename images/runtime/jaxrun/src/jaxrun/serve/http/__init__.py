"""The Open Inference Protocol V2 over HTTP, and a model's own JSON routes.

`app` finds the endpoint of a path and turns errors into answers. An inference goes
`body` (bytes, within `limits`) -> `request` (JSON and binary tensors become arrays) ->
`jaxrun.serve.dispatch` -> `response` (arrays become bytes). `listener` is uvicorn with what it
lacks. Nothing here knows of JAX, of batching, or of the process that it runs in.

The protocol: https://github.com/open-inference/open-inference-protocol, and its extension
for binary tensors as Triton has it.
"""
