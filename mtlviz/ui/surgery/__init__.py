"""The Slot surgery page: edits of slots, tasks and tokens, and what they change."""
