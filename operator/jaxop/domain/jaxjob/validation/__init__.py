"""Can this JaxJob be turned into children at all? If not, field, fault and remedy."""
