"""Quota, by Kueue: Jobs that it suspends (one slice), and a Workload of our own (several).

Decides nothing about quota, and costs nothing where no queue is named. docs/kueue.md has the whys.
"""
