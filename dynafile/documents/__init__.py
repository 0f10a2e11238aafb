"""Documents: a tree of JSON documents with queries that are live, for people who know Montybase."""
