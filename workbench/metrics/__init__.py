"""The catalogue of quantities: each metric's definition and the one pure function that computes it."""
