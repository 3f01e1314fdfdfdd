-- Who changed what, and from what to what.

CREATE TABLE IF NOT EXISTS audit_log (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  changed_at DATETIME(3) NOT NULL,
  actor VARCHAR(255) NOT NULL,
  action VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  object VARCHAR(255) NOT NULL COMMENT 'name, of a job that of its config',
  object_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  before_change MEDIUMTEXT NULL COMMENT 'JSON, secrets masked',
  after_change MEDIUMTEXT NULL,
  KEY changed_at (changed_at),
  KEY actor (actor, changed_at),
  KEY object_id (object_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO schema_info (id, version, min_reader) VALUES (1, 9, 7)
ON DUPLICATE KEY UPDATE version = GREATEST(version, 9), min_reader = GREATEST(min_reader, 7);
