"""The launcher's part in the compile cache: what it gives a program, and what it hands on."""
