"""Every write's fate, checked against what the servers hold."""
