"""Stores of the suite on S3."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from objects import servers
from objects.place import Place


class S3Place(Place):
    """``s3://bucket``: a bucket of its own, on a server that the tests start."""

    keeps_index = False
    ordered = False
    tick = 1.05

    def __init__(self, folder: Path) -> None:
        self.s3 = servers.s3()
        self.bucket = f"test-{uuid4().hex}"
        self.s3.create_bucket(Bucket=self.bucket)
        super().__init__(folder)

    def url(self, base: str = "") -> str:
        return f"s3://{self.bucket}{base}"

    def plant(self, key: str, data: bytes) -> None:
        """Write an object as KYDB, or an enemy, would."""
        self.s3.put_object(Bucket=self.bucket, Key=key.lstrip("/"), Body=data)

    def all_keys(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket)
        return [each["Key"] for each in found.get("Contents", ())]
