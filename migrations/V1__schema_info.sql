-- What the control database is, and which keys seal its secrets.

CREATE TABLE IF NOT EXISTS schema_info (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'always 1',
  version INT UNSIGNED NOT NULL COMMENT 'number of the newest migration',
  min_reader INT UNSIGNED NOT NULL COMMENT 'a program that knows less refuses to work',
  changes BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'grows with each change of connections and configs, so that two that do not fit together can not both commit'
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS secret_keys (
  number INT UNSIGNED NOT NULL PRIMARY KEY COMMENT '1 is the first key: of two that are made at once one fails',
  key_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  check_value VARBINARY(255) NOT NULL COMMENT 'known text under this key',
  seals BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'grows with each sealing, so that replacing a key and using it can not both commit',
  created_at DATETIME(3) NOT NULL,
  UNIQUE KEY key_id (key_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
