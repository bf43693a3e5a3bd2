"""End to end: a real cluster on this machine, images for it, the demo and the tests on real pods."""
