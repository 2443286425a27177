"""The Embedding page: which tokens look alike to the network."""
