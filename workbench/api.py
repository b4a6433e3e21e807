"""The same verbs for notebooks."""
