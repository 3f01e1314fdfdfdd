INSERT INTO schema_info (id, version, min_reader) VALUES (1, 5, 5)
ON DUPLICATE KEY UPDATE version = GREATEST(version, 5), min_reader = GREATEST(min_reader, 5);
