"""Compiled programs that pods share: under which name, and what its keeper says of them.

Must not know: how jobs stand.
"""
