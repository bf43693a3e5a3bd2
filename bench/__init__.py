"""Benchmarks: programs that are run by hand, print a table and write JSON to .out/."""
