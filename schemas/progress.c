/* Tables and SQL text of what each shard keeps beside the rows: progress, dead letters, and whose database it is. */
#include "schemas/ddl.h"

#define TABLE_OPTIONS " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
#define ASCII         " CHARACTER SET ascii COLLATE ascii_bin"
#define COUNTS        "`records`, `ok_rows`, `void_rows`, `duplicates`, `dead_letters`, `barriers`"
#define ONE_ROW       " WHERE `layout` = ? AND `topic` = ? AND `partition` = ?"

const char ddl_progress[] =
    "CREATE TABLE IF NOT EXISTS `progress` (\n"
    "  `layout` VARCHAR(16)" ASCII " NOT NULL,\n"
    "  `topic` VARCHAR(64)" ASCII " NOT NULL,\n"
    "  `partition` INT UNSIGNED NOT NULL,\n"
    "  `next_offset` BIGINT NOT NULL,\n"
    "  `owner` CHAR(32)" ASCII " NOT NULL DEFAULT '',\n"
    "  `epoch` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `checksum` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `records` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `ok_rows` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `void_rows` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `duplicates` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `dead_letters` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `barriers` BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
    "  `updated_at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),\n"
    "  PRIMARY KEY (`layout`, `topic`, `partition`)\n)" TABLE_OPTIONS;

const char ddl_dead_letters[] = "CREATE TABLE IF NOT EXISTS `dead_letters` (\n"
                                "  `layout` VARCHAR(16)" ASCII " NOT NULL,\n"
                                "  `topic` VARCHAR(64)" ASCII " NOT NULL,\n"
                                "  `partition` INT UNSIGNED NOT NULL,\n"
                                "  `offset` BIGINT NOT NULL,\n"
                                "  `key` LONGBLOB NULL,\n"
                                "  `value` LONGBLOB NULL,\n"
                                "  `reason` VARCHAR(500) NOT NULL,\n"
                                "  `at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),\n"
                                "  PRIMARY KEY (`layout`, `topic`, `partition`, `offset`)\n)" TABLE_OPTIONS;

const char ddl_shard_identity[] = "CREATE TABLE IF NOT EXISTS `shard_identity` (\n"
                                  "  `one` TINYINT UNSIGNED NOT NULL DEFAULT 1,\n"
                                  "  `cluster` CHAR(32)" ASCII " NOT NULL,\n"
                                  "  `shard` INT UNSIGNED NOT NULL,\n"
                                  "  `made_at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),\n"
                                  "  PRIMARY KEY (`one`)\n)" TABLE_OPTIONS;

const char sql_identity_make[] =
    "INSERT INTO `shard_identity` (`cluster`, `shard`) VALUES (?, ?) ON DUPLICATE KEY UPDATE `one` = `one`";
const char sql_identity_read[] = "SELECT `cluster`, `shard` FROM `shard_identity`";

const char sql_progress_make[] =
    "INSERT INTO `progress` (`layout`, `topic`, `partition`, `next_offset`) VALUES (?, ?, ?, ?)"
    " ON DUPLICATE KEY UPDATE `next_offset` = `next_offset`";
const char sql_progress_own[] = "UPDATE `progress` SET `owner` = ?" ONE_ROW;
const char sql_progress_read[] =
    "SELECT `next_offset`, `owner`, `epoch`, `checksum`, " COUNTS " FROM `progress`" ONE_ROW;
const char sql_progress_lock[] =
    "SELECT `next_offset`, `owner`, `epoch`, `checksum`, " COUNTS " FROM `progress`" ONE_ROW " FOR UPDATE";
#define MOVE                                                                                                           \
    "UPDATE `progress` SET `next_offset` = ?, `epoch` = ?, `checksum` = ?, `records` = `records` + ?,"                 \
    " `ok_rows` = `ok_rows` + ?, `void_rows` = `void_rows` + ?, `duplicates` = `duplicates` + ?,"                      \
    " `dead_letters` = `dead_letters` + ?, `barriers` = `barriers` + ?" ONE_ROW " AND `next_offset` = ?"
const char sql_progress_move[] = MOVE " AND `owner` = ?";
#ifdef WEIR_PLANTED_BUGS
const char sql_progress_move_by_anyone[] = MOVE " AND ? <> ''";
#endif
const char sql_progress_all[] =
    "SELECT `layout`, `topic`, `partition`, `next_offset`, `epoch`, " COUNTS ", `updated_at` FROM `progress`"
    " ORDER BY `layout`, `topic`, `partition`";
