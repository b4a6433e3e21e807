"""The report's figures: each one function, drawn twice (wide for screens and paper, narrow for phones)."""
