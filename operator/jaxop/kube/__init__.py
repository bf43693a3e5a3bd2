"""The only package that talks to the API server.

It knows Kubernetes and the `Plan` of `jaxop.api`, and nothing of JAX, our kinds' fields or kopf.
client-go's words are used for client-go's things.

How data passes through: a `Reflector` (LIST, then WATCH) fills a `Store`; a change in a store wakes
keys, which go into the `WorkQueue`; a worker of the `Loop` takes a key, lets its `Controller`
observe the stores and decide, and hands the Plan to the `Executor`, which writes through the
`ApiClient` and puts the results back into the stores. Only the process that holds the Lease
(`leader`) runs workers; all processes keep their stores warm.
"""
