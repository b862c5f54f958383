"""Our own API, `/api/v1`: what no other dialect has a place for."""
