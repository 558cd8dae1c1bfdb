"""The disk: which files are photos, what their headers say, and their pixels."""
