"""The Models page: every card, and what each model can show."""
