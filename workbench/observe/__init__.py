"""Collectors: one source to records each."""
