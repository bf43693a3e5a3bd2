"""What the other packages agree on: the kinds (`v1alpha1`) and the `Plan` (`plan`).

Nothing here does I/O or decides anything. `domain` reads these types and returns them; `kube`
executes a `Plan` without knowing which kind it is for.
"""
