"""The variables that say which server is talked to, and as whom."""

SERVER = "MODELYARD_SERVER"
TOKEN = "MODELYARD_TOKEN"  # noqa: S105 - the name of a variable, not what it holds
