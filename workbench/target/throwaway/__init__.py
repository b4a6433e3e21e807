"""A Kubernetes cluster of its own on one Linux machine: real components, namespaces of its own for each node.

docs/cluster.md tells how it is made; `cluster.py` is the way in.
"""
