"""Tables of DynamoDB for the suite: a table a test, on each of two emulators."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from objects import servers
from objects.place import Place

from dynafile.objects.backends.dynamodb import create_table

if TYPE_CHECKING:
    from pathlib import Path


class OnDynamoDB(Place):
    """``dynamodb://table``, with the indexes that KYDB's fixture has."""

    ordered = True
    folders_stay = False

    def __init__(self, folder: Path) -> None:
        self.table = f"test-{uuid4().hex}"
        self.endpoint = self.server()
        create_table(
            self.table, indexes=["class_date"], region="us-east-1", endpoint_url=self.endpoint
        )
        super().__init__(folder)

    def server(self) -> str:
        raise NotImplementedError

    @property
    def client(self) -> Any:
        """Boto's own client, to look into the table."""
        return client(self.endpoint)

    def url(self, base: str = "") -> str:
        return f"dynamodb://{self.table}{base}?region=us-east-1&endpoint_url={self.endpoint}"

    def items(self) -> dict[str, dict[str, Any]]:
        """Return all items by path."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.table)
        return {item["path"]["S"]: item for page in pages for item in page["Items"]}

    def reopen(self) -> Any:
        super().close()
        self.db = self.connect()
        return self.db

    def close(self) -> None:
        """Close, and delete the table: each transaction of moto copies it, for each write in it."""
        super().close()
        if self.table in self.client.list_tables()["TableNames"]:
            self.client.delete_table(TableName=self.table)


class DynamoDBPlace(OnDynamoDB):
    """On moto's server."""

    def server(self) -> str:
        return servers.moto(one_by_one=True)


class DynoxidePlace(OnDynamoDB):
    """On Dynoxide."""

    def server(self) -> str:
        return servers.dynoxide()


@cache
def client(endpoint: str) -> Any:
    """Return a client of the tests' own."""
    import boto3

    return boto3.client("dynamodb", region_name="us-east-1", endpoint_url=endpoint)
