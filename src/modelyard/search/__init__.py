"""Filtering, ordering and paging, in no dialect's words and no database's."""
