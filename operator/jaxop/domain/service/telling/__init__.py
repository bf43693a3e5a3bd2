"""The whole status of a JaxService, the events that tell of its turns, and when a write is worth it.

Must not know: what is done about it.
"""
