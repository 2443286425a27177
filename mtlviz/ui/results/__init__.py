"""The Results page: all systems trained alike, sweeps, and published numbers apart."""
