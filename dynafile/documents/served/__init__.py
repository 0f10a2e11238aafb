"""Served documents: an ASGI application with REST, live queries and a page to try them."""
