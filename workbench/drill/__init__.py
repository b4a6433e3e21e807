"""Conducts one drill, phase by phase: predict, seal, break, watch, verify, compare."""
