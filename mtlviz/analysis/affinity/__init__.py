"""Which places each task takes to be alike, how CTAL fuses that into G, and what G does (ctal.md 1)."""
