"""Where the paths of an embedded hub saturate: demands measured, predicted, sealed, found by a ramp, compared."""
