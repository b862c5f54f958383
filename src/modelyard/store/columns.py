"""Column types that mean the same on every database.

Text compares by code point everywhere: SQLite's default, PostgreSQL's collation "C", and on MariaDB and MySQL the binary NO PAD
collation that the migration gives each table (which one exists differs between the two, see `migrations/env.py`).
"""

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, MetaData, SmallInteger, String, Text
from sqlalchemy.dialects.mysql import LONGTEXT

METADATA = MetaData()

NAME_LENGTH = 255

ID = BigInteger().with_variant(Integer(), "sqlite")
SMALL = SmallInteger()
NUMBER: Double[float] = Double()
SHORT = String(NAME_LENGTH).with_variant(String(NAME_LENGTH, collation="C"), "postgresql")
LONG = Text().with_variant(Text(collation="C"), "postgresql").with_variant(LONGTEXT(), "mysql", "mariadb")


def identity(name: str = "id") -> Column[int]:
    """A primary key that the store fills from a sequence; the database itself never invents one."""
    return Column(name, ID, primary_key=True, autoincrement=False)


def whole(name: str, *, nullable: bool = False, default: str | None = None) -> Column[int]:
    return Column(name, ID, nullable=nullable, server_default=default)


def small(name: str) -> Column[int]:
    return Column(name, SMALL, nullable=False)


def number(name: str) -> Column[float]:
    return Column(name, NUMBER, nullable=True)


def short(name: str, *, nullable: bool = True) -> Column[str]:
    """Text of at most 255 characters, which every database can index."""
    return Column(name, SHORT, nullable=nullable)


def long(name: str, *, nullable: bool = True) -> Column[str]:
    return Column(name, LONG, nullable=nullable)


def reference(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, ID, ForeignKey(target), nullable=nullable)
