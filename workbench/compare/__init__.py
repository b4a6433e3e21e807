"""Predicted against observed of one run."""
