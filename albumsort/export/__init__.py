"""Exports: folders of copies or links, their manifest, and sidecars for other photo programs."""
