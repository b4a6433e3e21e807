"""The hub on a throwaway cluster: images of its servers, stand-ins for the operators, and its deployment."""
