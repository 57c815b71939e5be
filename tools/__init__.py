"""Tools for working on Carnelian; each says how it is run."""
