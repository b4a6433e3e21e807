"""Collectors: each polls one source in a thread of its own and appends every sample to one file."""
