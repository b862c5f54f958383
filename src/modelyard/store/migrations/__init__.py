"""The schema's history. One head; every step can be undone."""
