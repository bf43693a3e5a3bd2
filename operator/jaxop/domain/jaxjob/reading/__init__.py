"""What others wrote, as views: Kubernetes objects, Kueue's objects, and what launchers say.

Nothing here raises, whatever it is given, and nothing else in `domain` touches raw JSON.
"""
