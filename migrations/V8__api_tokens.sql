-- Who may call the REST API.

CREATE TABLE IF NOT EXISTS api_tokens (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the secret',
  scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_by VARCHAR(255) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NULL,
  last_used_at DATETIME(3) NULL,
  UNIQUE KEY token_name (name),
  UNIQUE KEY token_hash (hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO schema_info (id, version, min_reader) VALUES (1, 8, 7)
ON DUPLICATE KEY UPDATE version = GREATEST(version, 8), min_reader = GREATEST(min_reader, 7);
