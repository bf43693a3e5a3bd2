"""Files that the installer puts directly on the program's PYTHONPATH."""
