-- What is synced: connections, configs and their table rules.

CREATE TABLE IF NOT EXISTS sync_connections (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  target_database VARCHAR(64) NOT NULL,
  version BIGINT UNSIGNED NOT NULL,
  spec LONGTEXT NOT NULL COMMENT 'JSON; a password only as a reference',
  password_sealed BLOB NULL,
  health TEXT NULL COMMENT 'JSON; its writes change no version',
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY connection_name (name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sync_configs (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  connection_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(100) NOT NULL,
  enabled TINYINT NOT NULL,
  version BIGINT UNSIGNED NOT NULL,
  jobs_made BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'grows with each job, so that making one and removing the config can not both commit',
  spec LONGTEXT NOT NULL COMMENT 'JSON without the table rules',
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  UNIQUE KEY config_name (name),
  KEY of_connection (connection_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sync_tables (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  config_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  position INT UNSIGNED NOT NULL,
  source_table VARCHAR(64) NULL COMMENT 'null for a pattern',
  target_table VARCHAR(64) NULL COMMENT 'null for a pattern',
  spec LONGTEXT NOT NULL COMMENT 'JSON',
  UNIQUE KEY of_config (config_id, position),
  KEY target (target_table)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
