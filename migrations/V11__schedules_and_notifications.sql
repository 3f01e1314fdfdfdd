-- What schedules left out, and what is told to the world outside.

CREATE TABLE IF NOT EXISTS sync_skipped_runs (
  config_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  skipped BIGINT UNSIGNED NOT NULL COMMENT 'due times at which a job of the config had not ended',
  in_a_row BIGINT UNSIGNED NOT NULL COMMENT 'those since the last start',
  last_at DATETIME(3) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS notification_targets (
  target CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'SHA-256 of webhook or command',
  since DATETIME(3) NOT NULL COMMENT 'nothing older is told'
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS notifications (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  event VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what happened, the same for every instance',
  target CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  config_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  body LONGTEXT NOT NULL COMMENT 'JSON, as it is sent',
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'waiting sent failed',
  attempt INT UNSIGNED NOT NULL COMMENT 'tries that began; grows with each claim',
  due_at DATETIME(3) NOT NULL COMMENT 'next try; while one is made: when its maker counts as dead',
  made_at DATETIME(3) NOT NULL,
  ended_at DATETIME(3) NULL,
  instance VARCHAR(255) NULL COMMENT 'who tried last',
  error TEXT NULL COMMENT 'of the last try',
  UNIQUE KEY once (event, target),
  KEY by_due (state, due_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS notified_lags (
  config_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  above_ms BIGINT UNSIGNED NOT NULL COMMENT 'the lag_above that was passed',
  since DATETIME(3) NOT NULL,
  PRIMARY KEY (config_id, above_ms)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO schema_info (id, version, min_reader) VALUES (1, 11, 7)
ON DUPLICATE KEY UPDATE version = GREATEST(version, 11), min_reader = GREATEST(min_reader, 7);
