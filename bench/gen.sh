#!/usr/bin/env bash
# Deterministic tables for benchmarks. Prints SQL on stdout; MariaDB 10.6+ and MySQL 8+ (9.x has no
# MD5 or SHA1 built in: SHA2 only).
#
#   gen.sh DATABASE narrow ROWS    200 bytes a row, integer key, one secondary key
#   gen.sh DATABASE wide ROWS      14 columns of mixed types, two secondary keys
#   gen.sh DATABASE small TABLES   that many tables of 1000 rows
set -euo pipefail
db=${1:?usage: gen.sh DATABASE narrow|wide|small COUNT} shape=${2:?} count=${3:?}
step=100000

cat <<SQL
SET NAMES utf8mb4;
DROP DATABASE IF EXISTS $db; CREATE DATABASE $db CHARACTER SET utf8mb4;
DROP DATABASE IF EXISTS bench_numbers; CREATE DATABASE bench_numbers;
CREATE TABLE bench_numbers.n (n INT NOT NULL PRIMARY KEY);
INSERT INTO bench_numbers.n WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < 999) SELECT n FROM r;
CREATE TABLE bench_numbers.s (i INT NOT NULL PRIMARY KEY);
INSERT INTO bench_numbers.s SELECT a.n * 1000 + b.n + 1 FROM bench_numbers.n a, bench_numbers.n b WHERE a.n < 100 ORDER BY 1;
SQL

# INSERT … SELECT over 1..count in portions; i is the number.
fill() { # TABLE EXPRESSIONS
  local from
  for ((from = 0; from < count; from += step)); do
    printf 'INSERT INTO %s.%s SELECT %s FROM (SELECT i + %d AS i FROM bench_numbers.s ORDER BY i LIMIT %d) AS numbers;\n' \
      "$db" "$1" "$2" "$from" "$((count - from < step ? count - from : step))"
  done
}
# LPADded checksums, joined by minus signs, as sysbench makes its texts.
words() { # FACTOR PADDING...
  local factor=$1 n=0 pad; shift
  for pad in "$@"; do n=$((n + 1)); printf ", LPAD(CRC32(i * %s + %s), 11, '%s')" "$factor" "$n" "$pad"; done
}

case $shape in
  narrow)
    echo "CREATE TABLE $db.narrow (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_1 (k)) ENGINE=InnoDB DEFAULT CHARSET=latin1;"
    fill narrow "i, CRC32(i) % 1000000, CONCAT_WS('-'$(words 11 7 3 1 9 5 2 8 4 6 0)), CONCAT_WS('-'$(words 13 7 3 1 9 5))"
    ;;
  wide)
    cat <<SQL
CREATE TABLE $db.wide (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, customer_id INT NOT NULL,
  status ENUM('new','paid','shipped','void') NOT NULL, amount DECIMAL(18,4) NOT NULL, tax DECIMAL(10,2) NULL,
  created_at DATETIME(6) NOT NULL, updated_at DATETIME(6) NOT NULL, d DATE NULL, name VARCHAR(100) NOT NULL,
  note VARCHAR(255) NULL, attrs JSON NULL, flag TINYINT(1) NOT NULL, score DOUBLE NULL, payload VARBINARY(32) NULL,
  KEY i_cust (customer_id), KEY i_upd (updated_at)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
SQL
    fill wide "i, CRC32(i) % 50000 + 1, ELT(1 + i % 4, 'new', 'paid', 'shipped', 'void'), (CRC32(i * 3) % 100000000) / 10000, IF(i % 7 = 0, NULL, (CRC32(i * 5) % 100000) / 100),
 TIMESTAMPADD(MICROSECOND, i % 1000000, TIMESTAMPADD(SECOND, i * 31, '2020-01-01')), TIMESTAMPADD(MICROSECOND, CRC32(i) % 1000000, TIMESTAMPADD(SECOND, i * 31, '2020-01-02')),
 IF(i % 11 = 0, NULL, DATE_ADD('2020-01-01', INTERVAL i % 2000 DAY)), CONCAT(ELT(1 + i % 5, 'Ada Lovelace', 'Zoë Müller', 'Иван Петров', '山田太郎', 'Søren 🙂 Ø'), ' ', i),
 CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN CONCAT('it''s \"quoted\" \\\\\\\\ and\\ttabbed\\n', LEFT(SHA2(CONCAT(i), 256), 32)) WHEN 2 THEN '' ELSE REPEAT(LEFT(SHA2(CONCAT(i), 256), 32), 1 + i % 5) END,
 IF(i % 9 = 0, NULL, CONCAT('{\"sku\": \"', LEFT(SHA2(CONCAT(i), 256), 32), '\", \"qty\": ', i % 17, ', \"tags\": [\"a\", \"b\", ', i, '], \"gift\": ', IF(i % 2, 'true', 'false'), '}')),
 i % 2, IF(i % 13 = 0, NULL, (CRC32(i) % 1000003) / 7e0), IF(i % 5 = 0, NULL, UNHEX(LEFT(SHA2(CONCAT(i), 256), 40)))"
    ;;
  small)
    for ((t = 1; t <= count; t++)); do
      printf 'CREATE TABLE %s.t%d (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, v VARCHAR(60) NOT NULL, ts DATETIME NOT NULL, KEY (k)) ENGINE=InnoDB;\n' "$db" "$t"
      printf "INSERT INTO %s.t%d SELECT i, CRC32(i + %d) %% 1000, LEFT(SHA2(CONCAT(i * %d), 256), 32), TIMESTAMPADD(SECOND, i * %d, '2024-01-01') FROM bench_numbers.s ORDER BY i LIMIT 1000;\n" "$db" "$t" "$t" "$t" "$t"
    done
    ;;
  *) echo "gen.sh: unknown shape '$shape'" >&2; exit 2 ;;
esac
echo "DROP DATABASE bench_numbers;"
