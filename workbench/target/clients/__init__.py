"""What asks a hub's servers, wherever they run."""
