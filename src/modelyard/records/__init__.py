"""What every noun shares: a record's common fields, its properties, and its repository over SQL or memory.

Sits between `audit` and `search` (ADR 0002): domains declare their nouns, this room keeps them.
"""
