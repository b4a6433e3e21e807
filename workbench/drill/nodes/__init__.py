"""A node's power-off on a real cluster: predicted, sealed, done, watched, compared."""
