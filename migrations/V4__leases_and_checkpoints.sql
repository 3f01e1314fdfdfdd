-- Who may work on what, how far the work is, and the helper tables it needs.

CREATE TABLE IF NOT EXISTS sync_leases (
  resource VARCHAR(200) NOT NULL PRIMARY KEY COMMENT 'job:<id> or table:<database>.<table>; rows are never deleted, so a fence only grows',
  holder_instance_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'null: released',
  fence BIGINT UNSIGNED NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  renewals BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'makes each renewal a change of the row',
  connections LONGTEXT NULL COMMENT 'JSON: the holder''s connections on the local server, and its start',
  previous LONGTEXT NULL COMMENT 'JSON, one a line: holders before it that did not release'
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS target_databases (
  number INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'n in the names of its helper databases',
  name VARCHAR(64) NOT NULL,
  retired_at DATETIME(3) NULL COMMENT 'its helper databases are gone for good',
  KEY by_name (name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS helper_tables (
  number INT UNSIGNED NOT NULL COMMENT 'of target_databases',
  table_name VARCHAR(200) NOT NULL,
  purpose VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'stage, old or quarantine',
  config_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  target_table VARCHAR(64) NULL,
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (number, purpose, table_name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sync_checkpoints (
  number BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  config_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  target_database VARCHAR(64) NOT NULL,
  target_table VARCHAR(64) NOT NULL,
  generation BIGINT UNSIGNED NOT NULL COMMENT 'grows with each load from the start',
  table_run_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'the run that is not finished yet',
  watermark LONGTEXT NULL,
  binlog TEXT NULL,
  snapshot TEXT NULL,
  source_schema LONGTEXT NULL COMMENT 'as of the last run',
  verified LONGTEXT NULL,
  pending_ddl LONGTEXT NULL,
  shadow_table VARCHAR(200) NULL,
  fence BIGINT UNSIGNED NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  PRIMARY KEY (config_id, target_table),
  UNIQUE KEY number (number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sync_ranges (
  table_run_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  range_no INT UNSIGNED NOT NULL COMMENT '0 is the table itself',
  `lower` LONGTEXT NULL COMMENT 'key that it begins behind',
  `upper` LONGTEXT NULL COMMENT 'last key in it',
  `position` LONGTEXT NULL COMMENT 'last key covered',
  seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  fence BIGINT UNSIGNED NOT NULL,
  claim BIGINT UNSIGNED NOT NULL DEFAULT 0,
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  compared_in VARCHAR(200) NULL,
  `rows` BIGINT UNSIGNED NOT NULL DEFAULT 0,
  checksum VARCHAR(64) NULL,
  PRIMARY KEY (table_run_id, range_no)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
