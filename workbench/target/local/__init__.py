"""The embedded hub: real servers as processes of this machine."""
