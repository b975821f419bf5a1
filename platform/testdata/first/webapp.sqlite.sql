CREATE TABLE webapp_schema (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE TABLE webapp_sessions (
    key        BYTEA  NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    version    BIGINT NOT NULL,
    user_id    TEXT   NOT NULL,
    sign_in_id TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX webapp_sessions_sign_in ON webapp_sessions (sign_in_id);
CREATE INDEX webapp_sessions_expiry ON webapp_sessions (expires_at, user_id);
INSERT INTO webapp_schema (version_id, is_applied) VALUES (0, 1);
INSERT INTO webapp_schema (version_id, is_applied) VALUES (1, 1);
INSERT INTO webapp_sessions ("key", "sealed", "version", "user_id", "sign_in_id", "created_at", "expires_at") VALUES (X'78', X'78', 1, 'x', 'x', 1, 1);
