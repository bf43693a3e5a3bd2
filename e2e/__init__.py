"""End to end: a real cluster on this machine, images for it, the demo, tests on real pods."""
