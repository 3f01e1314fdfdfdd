-- Keys by which a caller makes sure that a job is started once, however often it asks.

CREATE TABLE IF NOT EXISTS idempotency_keys (
  actor VARCHAR(255) NOT NULL COMMENT 'who asked: a key is its own',
  idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  asked CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the request',
  job_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (actor, idempotency_key),
  KEY of_age (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO schema_info (id, version, min_reader) VALUES (1, 10, 7)
ON DUPLICATE KEY UPDATE version = GREATEST(version, 10), min_reader = GREATEST(min_reader, 7);
