"""Serves the network that ../digits trains, from the newest checkpoint of that job.

The network is `digits.model`, the very module of the training. `checkpoint` reads what the job
wrote, `serving` puts both together for the model server.
"""
