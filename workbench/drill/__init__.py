"""Conducts one drill, phase by phase."""
