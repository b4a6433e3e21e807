"""YAML to typed values."""
