"""The JFrog ML REST API v1, `/ml/api/v1`."""
