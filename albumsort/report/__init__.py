"""What leaves as text or picture: lists in several formats, and drawings."""
