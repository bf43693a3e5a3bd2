"""`make demo`: a real cluster, the operator, a JaxJob that trains and a JaxService that answers.

`__main__` brings up the cluster and the images and plays one part after the other: `training`,
then `serving`. Each applies an example's manifest as it is, follows it, asks it, and prints its
story and whether it is as wanted; `stage` is what both have in common. Nothing here knows which
cluster it is.
"""
