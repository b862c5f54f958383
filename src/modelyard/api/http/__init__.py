"""The edge kit: from ASGI messages to a handler's `Request`, and from its `Response` back.

It knows HTTP and nothing of any dialect: a dialect hands it an operation table and a function that renders errors.
"""
