"""How much that is irrelevant gets through an interaction, and what it does (kem.md 2.6 and 3.17)."""
