"""What the spec says of beginning and end: suspend, deadline, success, time to live, managedBy.

Whatever stops a job stops it in one way, by `stopping`: its program has its grace to save.
"""
