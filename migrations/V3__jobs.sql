-- What was run: jobs, their tables, logs and differences, and the processes that run them.

CREATE TABLE IF NOT EXISTS sync_jobs (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  config_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  config_name VARCHAR(100) NOT NULL COMMENT 'when it was made',
  connection_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  connection_name VARCHAR(100) NOT NULL COMMENT 'when it was made',
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  active_config CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'config_id until the job ends: a config has one active job',
  `trigger` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  requested_by VARCHAR(255) NOT NULL,
  retry_of CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  command VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'a wish of any front',
  priority INT NOT NULL,
  request LONGTEXT NOT NULL COMMENT 'JSON',
  instance_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  instance_name VARCHAR(255) NULL,
  created_at DATETIME(3) NOT NULL,
  started_at DATETIME(3) NULL,
  finished_at DATETIME(3) NULL,
  rows_done BIGINT UNSIGNED NOT NULL DEFAULT 0,
  bytes_done BIGINT UNSIGNED NOT NULL DEFAULT 0,
  summary LONGTEXT NULL COMMENT 'JSON: progress, counts, totals of tables',
  error LONGTEXT NULL COMMENT 'JSON',
  UNIQUE KEY active_config (active_config),
  KEY by_state (state, priority),
  KEY of_config (config_id, created_at),
  KEY of_connection (connection_id, created_at),
  KEY by_age (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sync_table_runs (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  job_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  source_table VARCHAR(64) NOT NULL,
  target_table VARCHAR(64) NOT NULL,
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  phase VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempt INT UNSIGNED NOT NULL,
  summary LONGTEXT NOT NULL COMMENT 'JSON: the whole table run',
  error LONGTEXT NULL COMMENT 'JSON',
  KEY of_job (job_id, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sync_logs (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  job_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  logged_at DATETIME(3) NOT NULL,
  level VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  target_table VARCHAR(64) NULL,
  instance VARCHAR(255) NOT NULL,
  message LONGTEXT NOT NULL,
  fields LONGTEXT NOT NULL COMMENT 'JSON',
  KEY of_job (job_id, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sync_differences (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  job_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  target_table VARCHAR(64) NOT NULL,
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  found LONGTEXT NOT NULL COMMENT 'JSON: the whole difference',
  KEY of_job (job_id, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS instances (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  name VARCHAR(255) NOT NULL,
  living_name VARCHAR(255) NULL COMMENT 'name while it lives: unique among the living',
  version VARCHAR(64) NOT NULL,
  roles TEXT NOT NULL COMMENT 'JSON',
  labels TEXT NOT NULL COMMENT 'JSON',
  address VARCHAR(255) NULL,
  jobs LONGTEXT NOT NULL COMMENT 'JSON: ids of the jobs it works on',
  beats BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'makes each sign of life a change of the row',
  started_at DATETIME(3) NOT NULL,
  seen_at DATETIME(3) NOT NULL,
  stopped_at DATETIME(3) NULL,
  UNIQUE KEY living_name (living_name),
  KEY by_age (seen_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
