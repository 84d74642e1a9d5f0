/* The catalog's tables. For MySQL 8 and MariaDB 10.6 or newer alike. */
#include "schemas/catalog.h"

#define TABLE_OPTIONS " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
#define ASCII         " CHARACTER SET ascii COLLATE ascii_bin"
#define MADE_AT       " DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)"

const char *const catalog_ddl[] = {
    "CREATE TABLE IF NOT EXISTS `meta` (\n"
    "  `one` TINYINT UNSIGNED NOT NULL DEFAULT 1,\n"
    "  `epoch` BIGINT UNSIGNED NOT NULL DEFAULT 1,\n"
    "  `cluster` CHAR(32)" ASCII " NOT NULL,\n"
    "  `partitions` INT UNSIGNED NOT NULL,\n"
    "  `offset_min` SMALLINT NOT NULL,\n"
    "  `made_at`" MADE_AT ",\n"
    "  PRIMARY KEY (`one`)\n)" TABLE_OPTIONS,

    "CREATE TABLE IF NOT EXISTS `users` (\n"
    "  `user_id` BIGINT UNSIGNED NOT NULL,\n"
    "  `name` VARCHAR(64) NOT NULL,\n"
    "  `level` VARCHAR(16)" ASCII " NOT NULL DEFAULT 'normal',\n"
    "  `created_at`" MADE_AT ",\n"
    "  PRIMARY KEY (`user_id`)\n)" TABLE_OPTIONS,

    "CREATE TABLE IF NOT EXISTS `live_rooms` (\n"
    "  `room_id` INT UNSIGNED NOT NULL,\n"
    "  `title` VARCHAR(120) NOT NULL,\n"
    "  `hot` TINYINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `created_at`" MADE_AT ",\n"
    "  PRIMARY KEY (`room_id`)\n)" TABLE_OPTIONS,

    "CREATE TABLE IF NOT EXISTS `coupons` (\n"
    "  `coupon_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,\n"
    "  `room_id` INT UNSIGNED NOT NULL,\n"
    "  `title` VARCHAR(120) NOT NULL,\n"
    "  `total` BIGINT UNSIGNED NOT NULL,\n"
    "  `per_user_limit` INT UNSIGNED NOT NULL DEFAULT 1,\n"
    "  `opens_at_ms` BIGINT NOT NULL DEFAULT 0,\n"
    "  `ends_at_ms` BIGINT NOT NULL DEFAULT 0,\n"
    "  `gate` ENUM('open', 'closed')" ASCII " NOT NULL DEFAULT 'closed',\n"
    "  `hold_ms` BIGINT NOT NULL DEFAULT 10000,\n"
    "  `opened` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `version` BIGINT UNSIGNED NOT NULL DEFAULT 1,\n"
    "  `created_at`" MADE_AT ",\n"
    "  PRIMARY KEY (`coupon_id`),\n"
    "  KEY `by_room` (`room_id`, `coupon_id`)\n)" TABLE_OPTIONS,

    "CREATE TABLE IF NOT EXISTS `coupon_details` (\n"
    "  `coupon_id` BIGINT UNSIGNED NOT NULL,\n"
    "  `description` TEXT NOT NULL,\n"
    "  `terms` TEXT NOT NULL,\n"
    "  PRIMARY KEY (`coupon_id`)\n)" TABLE_OPTIONS,

    "CREATE TABLE IF NOT EXISTS `routes` (\n"
    "  `stream` VARCHAR(32)" ASCII " NOT NULL,\n"
    "  `layout` VARCHAR(16)" ASCII " NOT NULL,\n"
    "  `version` INT UNSIGNED NOT NULL,\n"
    "  `partition` INT UNSIGNED NOT NULL,\n"
    "  `shard` INT UNSIGNED NOT NULL,\n"
    "  `active` TINYINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  PRIMARY KEY (`stream`, `layout`, `version`, `partition`)\n)" TABLE_OPTIONS,

    "CREATE TABLE IF NOT EXISTS `leases` (\n"
    "  `node` INT UNSIGNED NOT NULL,\n"
    "  `end_ms` BIGINT NOT NULL DEFAULT 0,\n"
    "  PRIMARY KEY (`node`),\n"
    "  KEY `by_end` (`end_ms`, `node`)\n)" TABLE_OPTIONS,

    "CREATE TABLE IF NOT EXISTS `leaders` (\n"
    "  `role` VARCHAR(16)" ASCII " NOT NULL,\n"
    "  `holder` CHAR(32)" ASCII " NOT NULL DEFAULT '',\n"
    "  `place` VARCHAR(255) NOT NULL DEFAULT '',\n"
    "  `lease_ms` INT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `ends_at` DATETIME(3) NOT NULL DEFAULT '2000-01-01 00:00:00',\n"
    "  PRIMARY KEY (`role`)\n)" TABLE_OPTIONS,

    "CREATE TABLE IF NOT EXISTS `stock_logs` (\n"
    "  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,\n"
    "  `coupon_id` BIGINT UNSIGNED NOT NULL,\n"
    "  `action` VARCHAR(16)" ASCII " NOT NULL,\n"
    "  `before_total` BIGINT UNSIGNED NOT NULL,\n"
    "  `after_total` BIGINT UNSIGNED NOT NULL,\n"
    "  `before_left` BIGINT NULL,\n"
    "  `after_left` BIGINT NULL,\n"
    "  `epoch` BIGINT UNSIGNED NOT NULL,\n"
    "  `reason` VARCHAR(500) NOT NULL,\n"
    "  `at`" MADE_AT ",\n"
    "  PRIMARY KEY (`id`),\n"
    "  KEY `by_coupon` (`coupon_id`, `id`)\n)" TABLE_OPTIONS,
};

const size_t catalog_ddl_count = sizeof catalog_ddl / sizeof *catalog_ddl;
