"""What a prediction loses without a part of the network: slots dropped, tasks silenced (kem.md 3.17)."""
