"""Read-only questions that span domains."""
