"""Whether the store is whole: everything that is kept twice agrees, and everything that is referred to is there."""
