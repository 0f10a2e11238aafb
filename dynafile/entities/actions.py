"""What may become of an entity, as hooks are told."""

from __future__ import annotations

from typing import Final

ACTION_CREATE: Final = "create"
ACTION_MODIFY: Final = "modify"
ACTION_DELETE: Final = "delete"
