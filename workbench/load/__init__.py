"""Locust users and shapes, and the canary."""
