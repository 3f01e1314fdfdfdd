#!/usr/bin/env bash
# Prints the SQL of a sample shop: eleven tables of mixed types, ten of them related, about DEMO_ROWS
# rows together.
#
#   shop.sh create DATABASE    drops and makes the database, fills it (10 s a million rows)
#   shop.sh change DATABASE N  some thousand changes of all kinds; N makes each call different
#   shop.sh trickle DATABASE N a handful of changes, for a writer that runs all the time
#
# The same rows on every run, on MariaDB and MySQL (which has no MD5 or SHA1 any more: SHA2).
set -euo pipefail
verb=${1:-} db=${2:-} n=${3:-1}
[ -n "$verb" ] && [ -n "$db" ] || { echo "usage: shop.sh create|change|trickle DATABASE [N]" >&2; exit 2; }
rows=${DEMO_ROWS:-1000000}

customers=$((rows / 10)) addresses=$((rows / 10)) products=$((rows / 50)) orders=$((rows / 5))
payments=$((rows * 12 / 100)) reviews=$((rows / 25)) visits=$((rows / 50))
# Two warehouses hold each product; two lines make an order.
[ "$products" -ge 50 ] || { echo "DEMO_ROWS must be at least 2500" >&2; exit 2; }

# INSERT … SELECT over 1..COUNT in portions, so that no undo log grows large. i is the number.
fill() { # TABLE COUNT EXPRESSIONS
  local from=0 step=100000
  while [ "$from" -lt "$2" ]; do
    local portion=$(($2 - from < step ? $2 - from : step))
    printf 'INSERT INTO %s SELECT %s FROM (SELECT i + %s AS i FROM shop_numbers.n ORDER BY i LIMIT %s) AS numbers;\n' \
      "$1" "$3" "$from" "$portion"
    from=$((from + step))
  done
}

create() {
  cat <<SQL
SET NAMES utf8mb4;
SET foreign_key_checks = 0;
DROP DATABASE IF EXISTS $db;
CREATE DATABASE $db CHARACTER SET utf8mb4;
DROP DATABASE IF EXISTS shop_numbers;
CREATE DATABASE shop_numbers;
CREATE TABLE shop_numbers.d (d INT PRIMARY KEY);
INSERT INTO shop_numbers.d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE shop_numbers.n (i INT PRIMARY KEY);
INSERT INTO shop_numbers.n SELECT a.d*10000 + b.d*1000 + c.d*100 + d.d*10 + e.d + 1 FROM shop_numbers.d a, shop_numbers.d b, shop_numbers.d c, shop_numbers.d d, shop_numbers.d e ORDER BY 1;
USE $db;

CREATE TABLE countries (
  code CHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  name VARCHAR(60) NOT NULL,
  vat DECIMAL(4,2) NULL
) COMMENT = 'ISO 3166';

CREATE TABLE categories (
  id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id SMALLINT UNSIGNED NULL,
  name VARCHAR(80) NOT NULL,
  KEY parent (parent_id),
  CONSTRAINT category_parent FOREIGN KEY (parent_id) REFERENCES categories (id)
);

CREATE TABLE customers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  email VARCHAR(120) NOT NULL,
  name VARCHAR(100) NOT NULL,
  country CHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  born DATE NULL,
  balance DECIMAL(14,4) NOT NULL DEFAULT 0,
  vip TINYINT(1) NOT NULL DEFAULT 0,
  preferences JSON NULL,
  created_at DATETIME(3) NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY email (email),
  KEY country (country),
  CONSTRAINT customer_country FOREIGN KEY (country) REFERENCES countries (code)
);

CREATE TABLE addresses (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  kind ENUM('home','work','billing') NOT NULL,
  street VARCHAR(120) NOT NULL,
  city VARCHAR(60) CHARACTER SET latin1 NOT NULL,
  latitude DOUBLE NULL,
  longitude DOUBLE NULL,
  KEY customer (customer_id),
  CONSTRAINT address_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
);

CREATE TABLE products (
  sku VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  category_id SMALLINT UNSIGNED NOT NULL,
  title VARCHAR(150) NOT NULL,
  description TEXT NULL,
  price DECIMAL(10,2) NOT NULL,
  weight FLOAT NULL,
  tags SET('new','sale','eco','heavy','gift') NOT NULL DEFAULT '',
  flags BIT(6) NOT NULL DEFAULT b'0',
  picture_hash BINARY(32) NULL,
  released YEAR NULL,
  gross DECIMAL(12,2) AS (ROUND(price * 1.19, 2)) STORED,
  KEY category (category_id),
  KEY title (title(40)),
  CONSTRAINT product_category FOREIGN KEY (category_id) REFERENCES categories (id)
);

CREATE TABLE stock (
  sku VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  warehouse CHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  quantity MEDIUMINT NOT NULL,
  counted_at TIME NULL,
  PRIMARY KEY (sku, warehouse),
  CONSTRAINT stock_product FOREIGN KEY (sku) REFERENCES products (sku)
);

CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  status ENUM('new','paid','shipped','returned') NOT NULL,
  total DECIMAL(18,4) NOT NULL,
  note VARCHAR(255) NULL,
  client_ip VARBINARY(16) NULL,
  ordered_at DATETIME(6) NOT NULL,
  updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  KEY customer (customer_id),
  KEY ordered_at (ordered_at),
  CONSTRAINT order_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);

CREATE TABLE order_lines (
  order_id BIGINT UNSIGNED NOT NULL,
  line_no TINYINT UNSIGNED NOT NULL,
  sku VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  quantity SMALLINT UNSIGNED NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  discount DECIMAL(5,4) NULL,
  PRIMARY KEY (order_id, line_no),
  KEY sku (sku),
  CONSTRAINT line_order FOREIGN KEY (order_id) REFERENCES orders (id),
  CONSTRAINT line_product FOREIGN KEY (sku) REFERENCES products (sku)
);

CREATE TABLE payments (
  id BINARY(16) NOT NULL PRIMARY KEY,
  order_id BIGINT UNSIGNED NOT NULL,
  method ENUM('card','transfer','cash') NOT NULL,
  amount DECIMAL(18,4) NOT NULL,
  paid_at TIMESTAMP(3) NULL,
  receipt BLOB NULL,
  KEY order_id (order_id),
  CONSTRAINT payment_order FOREIGN KEY (order_id) REFERENCES orders (id)
);

CREATE TABLE reviews (
  customer_id INT UNSIGNED NOT NULL,
  written_on DATE NOT NULL,
  sku VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  stars TINYINT NOT NULL,
  text MEDIUMTEXT NULL,
  PRIMARY KEY (written_on, customer_id, sku),
  KEY customer (customer_id),
  KEY sku (sku),
  CONSTRAINT review_customer FOREIGN KEY (customer_id) REFERENCES customers (id),
  CONSTRAINT review_product FOREIGN KEY (sku) REFERENCES products (sku)
);

CREATE TABLE visits (
  visitor INT NULL,
  page VARCHAR(80) NULL,
  at TIME(2) NULL
) COMMENT = 'no key at all, and rows that are there twice';

INSERT INTO countries SELECT CONCAT(CHAR(65 + a.d USING ascii), CHAR(65 + b.d USING ascii)), CONCAT('Land ', a.d, '·', b.d), IF(b.d = 3, NULL, 5 + a.d + b.d / 4) FROM shop_numbers.d a, shop_numbers.d b;
INSERT INTO categories SELECT i, IF(i <= 12, NULL, 1 + i % 12), CONCAT(ELT(1 + i % 4, 'Books', 'Küche', 'Игры', '道具'), ' ', i) FROM shop_numbers.n WHERE i <= 150;
SQL
  fill customers $customers "i, CONCAT('user', i, '@example.com'),
    CONCAT(ELT(1 + i % 5, 'Ada Lovelace', 'Zoë Müller', 'Иван Петров', '山田太郎', 'Søren 🙂 Ø'), ' ', i),
    CONCAT(CHAR(65 + i % 10 USING ascii), CHAR(65 + (i DIV 10) % 10 USING ascii)),
    IF(i % 11 = 0, NULL, DATE_ADD('1940-01-01', INTERVAL (i * 37) % 25000 DAY)),
    (CAST(CRC32(i) AS SIGNED) % 2000000) / 10000 - 50, i % 7 = 0,
    IF(i % 3 = 0, NULL, CONCAT('{\"newsletter\": ', IF(i % 2, 'true', 'false'), ', \"size\": \"', ELT(1 + i % 3, 'S', 'M', 'L'), '\", \"seen\": [', i % 100, ', ', i % 17, ']}')),
    TIMESTAMPADD(MICROSECOND, (i % 1000) * 1000, TIMESTAMPADD(SECOND, i * 31, '2019-01-01')),
    TIMESTAMPADD(SECOND, i * 29, '2024-01-01')"
  fill addresses $addresses "i, 1 + (i * 7) % $customers, ELT(1 + i % 3, 'home', 'work', 'billing'), CONCAT(i % 400, ' Straße ', CRC32(i) % 5000),
    ELT(1 + i % 4, 'Köln', 'Málaga', 'Århus', 'Reims'), IF(i % 13 = 0, NULL, (CRC32(i) % 180000) / 1000e0 - 90), IF(i % 13 = 0, NULL, (CRC32(i + 1) % 360000) / 997e0 - 180)"
  fill products $products "CONCAT('SKU-', LPAD(i, 8, '0')), 1 + i % 150, CONCAT(ELT(1 + i % 3, 'Lamp', 'Stuhl', 'Стол'), ' No. ', i),
    CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE CONCAT('It''s a \"fine\" thing\\\\ with\\ttabs,\\nlines and ', REPEAT(LEFT(SHA2(CONCAT(i), 256), 24), 1 + i % 9)) END,
    (CRC32(i) % 500000) / 100, IF(i % 9 = 0, NULL, (CRC32(i) % 99991) / 1007e0), i % 32, i % 64,
    IF(i % 4 = 0, NULL, UNHEX(SHA2(CONCAT('p', i), 256))), IF(i % 6 = 0, NULL, 1990 + i % 36)" |
    sed 's/^INSERT INTO products /INSERT INTO products (sku, category_id, title, description, price, weight, tags, flags, picture_hash, released) /'
  local warehouse
  for warehouse in HAM MUC; do
    fill stock $products "CONCAT('SKU-', LPAD(i, 8, '0')), '$warehouse', CAST(CRC32(CONCAT(i, '$warehouse')) % 4000 AS SIGNED) - 200, IF(i % 5 = 0, NULL, SEC_TO_TIME((i * 61) % 86400))"
  done
  fill orders $orders "i, 1 + (i * 13) % $customers, ELT(1 + (CRC32(i) % 4), 'new', 'paid', 'shipped', 'returned'), (CRC32(i * 3) % 100000000) / 10000,
    CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN 'leave at the door; ring \"twice\"' ELSE LEFT(SHA2(CONCAT('n', i), 256), 10 + i % 30) END,
    IF(i % 5 = 0, NULL, UNHEX(LEFT(SHA2(CONCAT('ip', i), 256), IF(i % 2, 8, 32)))),
    TIMESTAMPADD(MICROSECOND, (i * 7919) % 1000000, TIMESTAMPADD(SECOND, i * 17, '2020-01-01')), TIMESTAMPADD(SECOND, i * 11, '2024-06-01')"
  local line
  for line in 1 2; do
    fill order_lines $orders "i, $line, CONCAT('SKU-', LPAD(1 + (i * $line * 31) % $products, 8, '0')), 1 + (i * $line) % 12, (CRC32(i + $line) % 90000) / 100, IF(i % 4 = 0, NULL, (i % 5000) / 10000)"
  done
  fill payments $payments "UNHEX(LEFT(SHA2(CONCAT('pay', i), 256), 32)), 1 + (i * 5) % $orders, ELT(1 + i % 3, 'card', 'transfer', 'cash'), (CRC32(i * 5) % 50000000) / 10000,
    IF(i % 8 = 0, NULL, TIMESTAMPADD(MICROSECOND, (i % 1000) * 1000, TIMESTAMPADD(SECOND, i * 19, '2020-02-01'))), IF(i % 3 = 0, NULL, UNHEX(SHA2(CONCAT('r', i), 512)))"
  fill reviews $reviews "1 + (i * 11) % $customers, DATE_ADD('2021-01-01', INTERVAL i % 1500 DAY), CONCAT('SKU-', LPAD(1 + (i * 3) % $products, 8, '0')), 1 + i % 5,
    IF(i % 4 = 0, NULL, CONCAT(ELT(1 + i % 3, 'Très bien! ', 'Отлично. ', '最高 😀 '), REPEAT(LEFT(SHA2(CONCAT('t', i), 256), 32), 1 + i % 6)))" |
    sed 's/^INSERT INTO/INSERT IGNORE INTO/'
  fill visits $visits "IF(i % 10 = 0, NULL, i % 500), CONCAT('/page/', i % 40), SEC_TO_TIME((i DIV 2) % 86400)"
  echo 'DROP DATABASE shop_numbers; SET foreign_key_checks = 1;'
}

change() {
  cat <<SQL
SET NAMES utf8mb4;
USE $db;
UPDATE customers SET balance = balance + 1.0001 WHERE id % 211 = $n % 211;
UPDATE customers SET name = CONCAT(name, ' jr.'), vip = NOT vip WHERE id % 499 = $n % 499;
UPDATE orders SET status = 'shipped', note = NULL WHERE id % 307 = $n % 307;
UPDATE products SET price = price + 0.01, weight = weight * 1.01 WHERE CRC32(sku) % 61 = $n % 61;
UPDATE stock SET quantity = quantity - 1 WHERE CRC32(sku) % 101 = $n % 101;
INSERT INTO orders (customer_id, status, total, ordered_at) SELECT id, 'new', 9.99, '2025-01-01 00:00:00.000001' FROM customers WHERE id % 251 = $n % 251;
INSERT INTO order_lines SELECT id, 1, 'SKU-00000001', 1, 9.99, NULL FROM orders WHERE ordered_at = '2025-01-01 00:00:00.000001' AND id NOT IN (SELECT order_id FROM order_lines);
DELETE FROM payments WHERE CRC32(id) % 401 = $n % 401;
DELETE FROM reviews WHERE customer_id % 307 = $n % 307;
DELETE FROM visits WHERE visitor = $n % 500;
INSERT INTO visits VALUES ($n, NULL, '12:00:00.50'), ($n, NULL, '12:00:00.50');
SQL
}

trickle() {
  cat <<SQL
USE $db;
UPDATE customers SET balance = balance + 1 WHERE id = 1 + $n % $customers;
UPDATE orders SET status = 'paid' WHERE id = 1 + ($n * 7) % $orders;
INSERT INTO orders (customer_id, status, total, ordered_at) VALUES (1 + $n % 100, 'new', $n / 10, NOW(6));
INSERT INTO order_lines VALUES (LAST_INSERT_ID(), 1, 'SKU-00000001', 1 + $n % 9, 9.99, NULL);
DELETE FROM reviews WHERE customer_id = 1 + ($n * 11) % $customers LIMIT 1;
SQL
}

case $verb in
  create) create ;;
  change) change ;;
  trickle) trickle ;;
  *) echo "shop.sh: unknown verb '$verb'" >&2; exit 2 ;;
esac
