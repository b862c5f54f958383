"""The databases: SQLite, PostgreSQL, MariaDB and MySQL behind one small interface."""
