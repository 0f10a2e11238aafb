"""Entities: typed classes with relations, hooks, ownership and an audit log.

For people who know Kybra Simple DB: ``from dynafile.entities import *`` has its names. Beside them
there are more properties, which it leaves out: ``DateTime``, ``Date``, ``Time``, ``Decimal``,
``Bytes``, ``JSON`` and ``Enumeration``. See ``docs/entities.md``.
"""

from __future__ import annotations

from dynafile.entities.actions import ACTION_CREATE, ACTION_DELETE, ACTION_MODIFY
from dynafile.entities.audit import AuditEntry as AuditEntry
from dynafile.entities.contents import JSON as JSON
from dynafile.entities.contents import Bytes as Bytes
from dynafile.entities.contents import Enumeration as Enumeration
from dynafile.entities.database import Database
from dynafile.entities.entity import Entity
from dynafile.entities.field import Property as Property
from dynafile.entities.mixins import TimestampedMixin
from dynafile.entities.moments import Date as Date
from dynafile.entities.moments import DateTime as DateTime
from dynafile.entities.moments import Time as Time
from dynafile.entities.properties import Boolean, Float, Integer, String
from dynafile.entities.properties import Decimal as Decimal
from dynafile.entities.query import Plan as Plan
from dynafile.entities.query import Query as Query
from dynafile.entities.relations import (
    ManyToMany,
    ManyToOne,
    OneToMany,
    OneToOne,
)
from dynafile.entities.relations import Relation as Relation
from dynafile.entities.relations import RelationList as RelationList
from dynafile.entities.storage import MemoryStorage, Storage
from dynafile.entities.system_time import SystemTime

EntityStore = Database

__all__ = [
    "ACTION_CREATE",
    "ACTION_DELETE",
    "ACTION_MODIFY",
    "Boolean",
    "Database",
    "Entity",
    "EntityStore",
    "Float",
    "Integer",
    "ManyToMany",
    "ManyToOne",
    "MemoryStorage",
    "OneToMany",
    "OneToOne",
    "Storage",
    "String",
    "SystemTime",
    "TimestampedMixin",
]
