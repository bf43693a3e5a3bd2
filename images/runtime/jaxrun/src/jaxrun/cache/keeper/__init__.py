"""The keeper: the only one that writes what is published in a CompileCache."""
