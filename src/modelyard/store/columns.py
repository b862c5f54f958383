"""Column types that mean the same on every database.

Text compares by code point everywhere: SQLite's default, PostgreSQL's collation "C", and on MariaDB and MySQL the binary NO PAD
collation that the migration gives each table (see `migrations/dialects.py`; which one exists differs between the two).
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


def mysql_collation(server_version: str) -> str:
    """The collation for text, of those that the server has. `server_version` is as it gives it, such as `11.8.3-MariaDB`."""
    return "utf8mb4_nopad_bin" if "mariadb" in server_version.lower() else "utf8mb4_0900_bin"


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
