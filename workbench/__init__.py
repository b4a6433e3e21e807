"""The hub workbench: predict what a fault costs the Central Hub, seal it, do it, compare."""

__version__ = "0.1.0"
