"""Compiled message-level kernels."""
