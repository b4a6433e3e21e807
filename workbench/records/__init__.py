"""The formats of a run folder: paths, timeline, write log, samples, prediction and observation."""
