"""PartiQL statements on tables: what each does, and how it is done.

- ``handle``: the methods that handles have.
- ``plans``, ``key_selection``: what a statement comes to, and which keys a condition names.
- ``selection``, ``merging``, ``tokens``: SELECT, page by page.
- ``writes``, ``batches``, ``transactions``: INSERT, UPDATE and DELETE, alone and several.
- ``results``: what they give.
"""
