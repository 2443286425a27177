"""Do the maps of the inside foretell what happens when the part they show is taken away?"""
