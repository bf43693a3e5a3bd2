"""A small GPT that learns to write Python from the bytes of Python's own standard library.

`data` reads the bytes, `model` is the network, `sample` lets it write, `learner` compiles what acts
on it, `train` is the loop with its checkpoints. Nothing here knows where it runs: alone on a
laptop, under mpirun or Slurm, or as a JaxJob. Its twelve layers are one that is compiled once and
runs in a loop, as is usual in deep networks; with `--unroll` each is compiled anew.
"""
