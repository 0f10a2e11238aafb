"""Rules of documents: who may read and write what, of which form and size documents are.

- ``rules``: a text of rules, which decides and checks; ``files``: one that is in a file.
- ``parser``, ``scanner``, ``patterns``, ``lookups``: the text; ``dynafile.conditions`` reads what
  stands behind ``if``.
- ``evaluation``, ``decision``: one decision being made, and made.
- ``schema_text``, ``schemas``, ``keywords``, ``applicators``, ``faults``, ``formats``, ``regular``:
  JSON Schema.
- ``cases``, ``cases_file``: tests of rules.

They know nothing of where documents are: whoever enforces rules gives them what they look at.
"""

from __future__ import annotations

from dynafile.documents.rules.cases import Case, Outcome, run_cases
from dynafile.documents.rules.decision import Decision
from dynafile.documents.rules.files import load_cases, load_rules
from dynafile.documents.rules.rules import Rules

__all__ = ["Case", "Decision", "Outcome", "Rules", "load_cases", "load_rules", "run_cases"]
