"""The hub's own applications. They import nothing else of the workbench."""
