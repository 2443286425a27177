"""The Stability page: does the selection survive a small change?"""
