"""Pages and figures, from a run folder and nothing else."""
