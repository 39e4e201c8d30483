"""Pages for a browser: one file each, with everything inside, that need no network.

`comparison` and `run` say what is on a page, `chart` draws, and `templates/` holds the words, the
style and the script. Without the script a page can still be read; it sorts, filters and reads out.
"""
