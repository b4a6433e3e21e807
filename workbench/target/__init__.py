"""Targets: what a drill can be done to, all behind one port (workbench.target.port.Target)."""
