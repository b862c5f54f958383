"""What can be wrong with a busy store, by the statement that breaks it, and what the check then finds."""

Found = tuple[str, str, int | str | None]
"""The check, the table and the id; or a word for the id, which `SOUGHT` has the question for."""

FAR = 987_654
METRICS = (1, "accuracy", "late")
BLOCKS = ("blocks", "metric_block", "run")
CORRUPTIONS: list[tuple[str, set[Found]]] = [
    # references
    (
        "UPDATE model_version SET model_id = 987654 WHERE id = 2",
        {("references", "model_version", 2), ("audit", "model_version", 2), ("versions", "model", 1)},
    ),
    ("DELETE FROM artifact_parent WHERE id = 1", set()),
    ("INSERT INTO artifact_parent (parent_id, id) VALUES (987654, 1)", {("references", "artifact_parent", 1)}),
    ("INSERT INTO artifact_parent (parent_id, id) VALUES (2, 987654)", {("references", "artifact_parent", FAR)}),
    ("UPDATE metric_point SET experiment_id = 987654 WHERE step = 1", {("references", "metric_point", 3)}),
    ("UPDATE principal SET home_project = 987654", {("references", "principal", 1)}),
    ("UPDATE access_token SET principal_id = 987654", {("references", "access_token", 2)}),
    ("UPDATE role_grant SET principal_id = 987654", {("references", "role_grant", 3)}),
    ("UPDATE role_grant SET project_id = 987654", {("references", "role_grant", 3), ("audit", "role_grant", 3)}),
    ("UPDATE role_grant SET project_id = 1, kind = 1, record_id = 987654", {("references", "role_grant", 3), ("audit", "role_grant", 3)}),
    ("UPDATE run SET model_id = 987654", {("references", "run", "run"), ("audit", "run", "run")}),
    ("UPDATE audit_event SET project_id = 987654 WHERE kind = 20 AND record_id = 1", {("references", "audit_event", "account event")}),
    # rows
    ("UPDATE metric_point SET trashed = 1 WHERE step = 1", {("rows", "metric_point", 3)}),
    ("UPDATE metric_point SET revision = 0 WHERE step = 1", {("rows", "metric_point", 3)}),
    ("UPDATE metric_point SET updated_at = 5 WHERE step = 1", {("rows", "metric_point", 3)}),
    ("UPDATE model SET state = 'LOST' WHERE id = 1", {("rows", "model", 1)}),
    ("UPDATE model SET properties = '{\"n\": ' WHERE id = 1", {("rows", "model", 1)}),
    ("UPDATE model SET tasks = 'translation' WHERE id = 1", {("rows", "model", 1)}),
    ("UPDATE principal SET kind = 'robot'", {("rows", "principal", None)}),
    ("UPDATE role_grant SET role = 'king'", {("rows", "role_grant", None)}),
    ("DELETE FROM access_state", {("rows", "access_state", None)}),
    # the trash
    ("UPDATE trash SET record_id = 987654", {("trash", "trash", "deletion")}),
    (
        "UPDATE model SET trashed = 0 WHERE name = 'thrown away'",
        {("trash", "trash", "deletion"), ("versions", "model", "thrown away")},
    ),
    (
        "UPDATE model_version SET trashed = 0 WHERE name = 'thrown away, too'",
        {("trash", "model_version", "thrown away, too")},
    ),
    # external ids
    ("DELETE FROM external_id WHERE value = 'run-1'", {("claims", "run", "run")}),
    (
        "UPDATE external_id SET id = 987654 WHERE value = 'ext-2'",
        {("claims", "model", 1), ("claims", "external_id", "ext-2")},
    ),
    ("UPDATE external_id SET kind = 77 WHERE value = 'ext-2'", {("claims", "model", 1), ("claims", "external_id", "ext-2")}),
    ("INSERT INTO external_id (project_id, value, kind, id) VALUES (1, 'lost', 1, 1)", {("claims", "external_id", "lost")}),
    # idempotency keys
    ("UPDATE idempotency_key SET status = NULL", {("kept answers", "idempotency_key", "key")}),
    ("UPDATE idempotency_key SET body = NULL", {("kept answers", "idempotency_key", "key")}),
    ("UPDATE idempotency_key SET project_id = 5", {("references", "idempotency_key", "key")}),
    # versions of models
    ("UPDATE model SET versions = 2 WHERE id = 1", {("versions", "model", 1)}),
    ("UPDATE model SET versions = 0 WHERE id = 1", {("versions", "model", 1)}),
    ("UPDATE model SET latest = 'another' WHERE id = 1", {("versions", "model", 1)}),
    ("UPDATE model SET latest = NULL WHERE id = 1", {("versions", "model", 1)}),
    # metric histories
    (
        "DELETE FROM property_number WHERE kind = 8; DELETE FROM metric_point",
        {BLOCKS, *[("history", "artifact", name) for name in METRICS]},
    ),
    ("UPDATE metric_block SET low = -1 WHERE name = 'accuracy' AND number = 1", {BLOCKS}),
    ("UPDATE metric_block SET high_id = high_id - 1 WHERE name = 'loss'", {BLOCKS}),
    ("UPDATE metric_block SET low_step = NULL WHERE name = 'accuracy' AND number = 2", {BLOCKS}),
    ("UPDATE metric_block SET number = 7 WHERE name = 'accuracy' AND number = 2", {BLOCKS}),
    ("UPDATE metric_block SET name = 'Accuracy' WHERE name = 'accuracy'", {BLOCKS}),
    ("DELETE FROM metric_block WHERE name = 'accuracy' AND number = 1", {BLOCKS}),
    ("DELETE FROM metric_block WHERE name = 'accuracy' AND number = 2", set()),  # its points are then such as came alone
    ("DELETE FROM metric_point WHERE name = 'accuracy' AND step = 150", {BLOCKS}),
    ("UPDATE metric_point SET value = -9 WHERE name = 'accuracy' AND step = 150", {BLOCKS}),
    # batches of points
    ("DELETE FROM audit_event WHERE action = 'measured'", {("audit", "artifact", name) for name in METRICS}),
    (
        "UPDATE audit_event SET after = '[' WHERE action = 'measured'",
        {*[("audit", "artifact", name) for name in METRICS], ("audit", "audit_event", "batch"), ("audit", "audit_event", "next batch")},
    ),
    ("UPDATE artifact SET value = 7 WHERE name = 'accuracy'", {("audit", "artifact", "accuracy")}),
    ("UPDATE artifact SET value = 7 WHERE id = 1", {("audit", "artifact", 1)}),
    ("UPDATE artifact SET revision = revision + 1 WHERE id = 1", {("audit", "artifact", 1)}),
    (
        "DELETE FROM artifact_parent WHERE id > 6; DELETE FROM artifact WHERE name = 'accuracy'",
        {("audit", "artifact", "accuracy")},
    ),
    # the audit log
    ("DELETE FROM audit_event WHERE kind = 5", {("audit", "environment", "environment")}),
    ("DELETE FROM audit_event WHERE kind = 1 AND record_id = 1 AND action = 'created'", {("audit", "model", 1)}),
    ("DELETE FROM audit_event WHERE kind = 7 AND action = 'updated' AND record_id = 1", {("audit", "artifact", 1)}),
    ("UPDATE audit_event SET action = 'created' WHERE kind = 1 AND record_id = 1", {("audit", "model", 1)}),
    ("UPDATE audit_event SET record_id = 987654 WHERE kind = 5", {("audit", "environment", "environment"), ("audit", "environment", FAR)}),
    ("UPDATE audit_event SET kind = 77 WHERE kind = 5", {("audit", "environment", "environment"), ("audit", "audit_event", "event")}),
    ("UPDATE audit_event SET after = '[' WHERE kind = 5", {("audit", "environment", "environment")}),
    ("UPDATE model SET description = 'by hand' WHERE id = 1", {("audit", "model", 1)}),
    ("UPDATE model SET revision = revision + 1 WHERE id = 1", {("audit", "model", 1)}),
    # accounts in the audit log
    ("DELETE FROM audit_event WHERE kind = 20 AND record_id = 1", {("audit", "principal", 1)}),
    ("DELETE FROM audit_event WHERE kind = 23", {("audit", "project", 2)}),
    ("UPDATE principal SET disabled = 1", {("audit", "principal", 1)}),
    ("UPDATE principal SET password_hash = 'x'", {("audit", "principal", 1)}),
    ("UPDATE access_token SET scopes = 'admin'", {("audit", "access_token", 2)}),
    ("UPDATE access_token SET last_used_at = 5", set()),
    ("UPDATE role_grant SET role = 'viewer'", {("audit", "role_grant", 3)}),
    ("UPDATE project SET archived = 1 WHERE id = 2", {("audit", "project", 2)}),
    ("DELETE FROM project WHERE id = 2", {("audit", "project", 2)}),
    ("DELETE FROM role_grant", {("audit", "role_grant", 3)}),
    ("DELETE FROM audit_event WHERE kind = 22 AND action = 'deleted'", {("audit", "role_grant", "cat's grant")}),
    # the index
    ("DELETE FROM property_text WHERE kind = 1 AND id = 1 AND name = 't'", {("index", "property_text", 1)}),
    ("DELETE FROM property_text WHERE kind = 101 AND id = 1 AND name = 'tasks'", {("index", "property_text", 1)}),
    ("DELETE FROM property_number WHERE kind = 8 AND id = 4", {("index", "property_number", 4)}),
    ("UPDATE property_number SET value = 3.5 WHERE kind = 1 AND id = 1 AND name = 'n'", {("index", "property_number", 1)}),
    ("UPDATE property_number SET type = 1 WHERE kind = 1 AND id = 1 AND name = 'n'", {("index", "property_number", 1)}),
    ("UPDATE property_text SET id = 987654 WHERE kind = 1 AND id = 1", {("index", "property_text", 1), ("index", "property_text", FAR)}),
    (
        "INSERT INTO property_text (project_id, kind, name, value, id, type) VALUES (1, 77, 'a', 'b', 1, 1)",
        {("index", "property_text", 1)},
    ),
    (
        "INSERT INTO property_number (project_id, kind, name, value, id, type) VALUES (3, 101, 'a', 1.5, 1, 1)",
        {("index", "property_number", 1)},
    ),
]
SOUGHT: dict[int | str | None, str] = {
    "run": "SELECT id FROM run",
    "version": "SELECT min(id) FROM model_version WHERE trashed = 0",
    "accuracy": "SELECT id FROM artifact WHERE name = 'accuracy'",
    "late": "SELECT id FROM artifact WHERE name = 'late'",
    "batch": "SELECT min(id) FROM audit_event WHERE action = 'measured'",
    "next batch": "SELECT max(id) FROM audit_event WHERE action = 'measured'",
    "environment": "SELECT id FROM environment",
    "event": "SELECT max(id) FROM audit_event WHERE kind = 5",
    "account event": "SELECT max(id) FROM audit_event WHERE kind = 20 AND record_id = 1",
    "cat's grant": "SELECT max(record_id) FROM audit_event WHERE kind = 22",
    "deletion": "SELECT id FROM trash",
    "thrown away": "SELECT id FROM model WHERE name = 'thrown away'",
    "thrown away, too": "SELECT id FROM model_version WHERE name = 'thrown away, too'",
    "key": "SELECT value FROM idempotency_key",
}
