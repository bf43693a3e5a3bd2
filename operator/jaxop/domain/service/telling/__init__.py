"""The whole status of a JaxService, the events of its turns, and when a write is worth it.

Must not know: what is done about it.
"""
