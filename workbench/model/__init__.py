"""SimPy models of the hub's paths: from topology, workload, fault and parameters to the catalogue's metrics."""
