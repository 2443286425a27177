"""The Faithfulness page: do the maps foretell effects?"""
