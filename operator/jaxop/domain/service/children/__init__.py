"""What is created for a JaxService, each kind in the file of its name.

Must not know: how many replicas a revision is to have; that is `rollout`'s to say.
"""
