"""Undo journal, guards and blast radius."""
