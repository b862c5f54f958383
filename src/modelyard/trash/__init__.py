"""What was deleted and can still be restored, of every kind."""
