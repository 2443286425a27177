"""The Affinity page: what each task takes to be alike, and what CTAL makes of it."""
