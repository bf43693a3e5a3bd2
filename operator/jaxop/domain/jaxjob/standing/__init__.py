"""Where an attempt that goes on stands: a state, a reason, and a sentence for a person."""
