"""The Slot routing page: who won which slot, and who reads it."""
