"""Rendered manifests to HubTopology."""
