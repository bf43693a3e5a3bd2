"""A small CNN that learns scikit-learn's handwritten digits, data-parallel over all processes.

`data` cuts the images into a training and a test set, `model` is the network, `train` the loop
with its checkpoints, `phases` the clock. Nothing here knows where it runs: alone on a laptop, under
mpirun or Slurm, or as a JaxJob.
"""
