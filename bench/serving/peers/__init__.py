"""Programs that serve the same encoder by other means: they import nothing but `minilm`."""
