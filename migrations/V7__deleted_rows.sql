-- What runs deleted and keep for a while, so that it can be put back.

CREATE TABLE IF NOT EXISTS sync_deleted (
  number INT UNSIGNED NOT NULL COMMENT 'of target_databases',
  quarantine_table VARCHAR(200) NOT NULL,
  job_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  target_database VARCHAR(64) NOT NULL,
  target_table VARCHAR(64) NOT NULL,
  key_columns TEXT NOT NULL COMMENT 'JSON: the columns of the target that identify a row',
  `rows` BIGINT UNSIGNED NOT NULL DEFAULT 0,
  expires_at DATETIME(3) NOT NULL,
  undone_at DATETIME(3) NULL,
  PRIMARY KEY (number, quarantine_table),
  KEY of_job (job_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO schema_info (id, version, min_reader) VALUES (1, 7, 7)
ON DUPLICATE KEY UPDATE version = GREATEST(version, 7), min_reader = GREATEST(min_reader, 7);
