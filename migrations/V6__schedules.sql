-- When configs are started by themselves.

CREATE TABLE IF NOT EXISTS sync_schedules (
  config_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  schedule VARCHAR(1000) NOT NULL COMMENT 'as the config had it when due_at was worked out',
  zone VARCHAR(64) NOT NULL COMMENT 'time zone that it was read in',
  due_at DATETIME(3) NOT NULL,
  last_due_at DATETIME(3) NULL,
  last_job_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  KEY by_due (due_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO schema_info (id, version, min_reader) VALUES (1, 6, 5)
ON DUPLICATE KEY UPDATE version = GREATEST(version, 6), min_reader = GREATEST(min_reader, 5);
