"""The status as a whole: composed from the old one and what is new, written when it is worth it.

With what follows from it: conditions, timeline, events, what the time was spent on.
"""
