//! The table of server errors: what each number means to us, what happens next, what a person can
//! do about it.

use super::ErrorClass;
use crate::model::error::ErrorCode;

/// What is known of some error numbers.
pub(super) struct Known {
    numbers: &'static [u16],
    pub(super) code: ErrorCode,
    pub(super) class: ErrorClass,
    /// What to do; nothing where the message itself tells the privilege that is missing.
    pub(super) remedy: &'static str,
}

const fn known(
    numbers: &'static [u16],
    code: ErrorCode,
    class: ErrorClass,
    remedy: &'static str,
) -> Known {
    Known {
        numbers,
        code,
        class,
        remedy,
    }
}

/// The entry of an error: of its number, or, where that says no more than that the engine failed, of
/// the engine's own number, which the message ends with (`errno: 165 "Table is read only"`).
pub(super) fn of(number: u16, message: &str) -> Option<&'static Known> {
    let of_engine = || {
        let (_, rest) = message
            .split_once("errno: ")
            .or_else(|| message.split_once("Got error "))?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        match digits.parse() {
            Ok(165_u16) => find(1836),
            Ok(28 | 135) => find(1114),
            _ => None,
        }
    };
    match number {
        1004 | 1005 | 1006 | 1015 | 1025 | 1030 => of_engine(),
        _ => None,
    }
    .or_else(|| find(number))
}

/// The entry of an error number, if it has one.
pub(super) fn find(number: u16) -> Option<&'static Known> {
    TABLE.iter().find(|known| known.numbers.contains(&number))
}

use ErrorClass::{Retry, Shrink, Stop, Wait};

const TABLE: &[Known] = &[
    known(
        &[1205, 3572],
        ErrorCode::LockTimeout,
        Retry,
        "another session holds the rows or the table: end it, or run when fewer write there",
    ),
    known(
        &[1213, 1020, 1479, 1613, 1614, 3101],
        ErrorCode::Deadlock,
        Retry,
        "it is tried again by itself; if it goes on, run when fewer write these tables",
    ),
    known(
        &[1047],
        ErrorCode::Unreachable,
        Wait,
        "the node has left its cluster, or is joining it: it is tried again by itself; see SHOW STATUS LIKE 'wsrep_local_state_comment'",
    ),
    known(
        &[1040, 1203, 1226],
        ErrorCode::Unreachable,
        Wait,
        "raise max_connections on the server, or lower max_connections of the connection",
    ),
    known(
        &[
            1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 2006, 2013,
            3169, 4031,
        ],
        ErrorCode::ConnectionLost,
        Wait,
        "it reconnects by itself; if it goes on, look into the server's error log and at firewalls \
         that end silent connections",
    ),
    known(
        &[1290, 1792, 3100],
        ErrorCode::ReadOnly,
        Wait,
        "the server is read-only; is it a replica, or failing over?",
    ),
    known(
        &[1036, 1836, 1874, 1881, 3989],
        ErrorCode::ReadOnly,
        Wait,
        "writing is switched off there: start the server without innodb_read_only and \
         innodb_force_recovery, or make the table or database writable again",
    ),
    known(
        &[1021, 1041, 1037, 1114, 1026, 3, 28],
        ErrorCode::DiskFull,
        Stop,
        "free space on that server or give it more, then run again",
    ),
    known(
        &[1153, 1301, 2020],
        ErrorCode::PacketTooLarge,
        Shrink,
        "raise max_allowed_packet on the server",
    ),
    known(
        &[1197],
        ErrorCode::PacketTooLarge,
        Shrink,
        "raise max_binlog_cache_size on the server",
    ),
    known(
        &[
            1044, 1045, 1130, 1142, 1143, 1227, 1370, 1410, 1449, 1698, 1820, 1862, 3118, 3159,
            1129,
        ],
        ErrorCode::AccessDenied,
        Stop,
        "",
    ),
    known(
        &[1049, 1146],
        ErrorCode::SourceMissing,
        Stop,
        "check `database` of the connection and the tables of the config with `db-taxi plan`",
    ),
    known(
        &[1054, 1064],
        ErrorCode::RuleInvalid,
        Stop,
        "check where, columns, key and rename_columns of the table's rule",
    ),
    known(
        &[1267, 1270, 1271, 3854, 3995],
        ErrorCode::RuleInvalid,
        Stop,
        "a text in where has characters that its column's character set can't hold, or another \
         collation: write CONVERT(column USING utf8mb4) in place of the column",
    ),
    known(
        &[1412, 1615],
        ErrorCode::SchemaChanged,
        Retry,
        "the table was changed while it was read; it is planned anew",
    ),
    known(
        &[1216, 1217, 1451, 1452, 1761, 1762],
        ErrorCode::ValueRejected,
        Stop,
        "a foreign key of the target forbids it: sync the table at its other end too",
    ),
    known(
        &[1062, 1586, 1022],
        ErrorCode::DuplicateKey,
        Stop,
        "two rows have the same value in a unique key of the target: give its columns the \
         collation of the source, or drop that key there",
    ),
    known(
        &[
            1048, 1138, 1260, 1264, 1265, 1292, 1300, 1364, 1366, 1367, 1406, 1411, 1416, 1690,
            3140, 3141, 3144, 3819, 3903, 3988, 4025,
        ],
        ErrorCode::ValueRejected,
        Stop,
        "give the target's column a type and charset that hold every value of the source's, or \
         leave the column out by exclude_columns",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_number_is_in_one_entry() {
        let mut seen = HashSet::new();
        for number in TABLE.iter().flat_map(|known| known.numbers) {
            assert!(seen.insert(number), "{number} is there twice");
        }
    }

    #[test]
    fn what_the_engine_says_counts_where_the_server_only_passes_it_on() {
        for (number, message, code) in [
            (
                1015,
                "Can't lock file (errno: 165 - Table is read only)",
                ErrorCode::ReadOnly,
            ),
            (
                1005,
                "Can't create table `d`.`x` (errno: 165 \"Table is read only\")",
                ErrorCode::ReadOnly,
            ),
            (
                1030,
                "Got error 28 \"No space left on device\" from storage engine InnoDB",
                ErrorCode::DiskFull,
            ),
            (1836, "Running in read-only mode", ErrorCode::ReadOnly),
        ] {
            assert_eq!(
                of(number, message).map(|known| known.code),
                Some(code),
                "{message}"
            );
        }
        assert!(of(1005, "Can't create table `d`.`x` (errno: 150)").is_none());
        assert!(
            of(1064, "near 'errno: 165'").is_some_and(|known| known.code == ErrorCode::RuleInvalid)
        );
    }

    #[test]
    fn every_entry_has_a_remedy_but_those_whose_message_tells_it() {
        for known in TABLE {
            let told = known.code == ErrorCode::AccessDenied;
            assert_eq!(known.remedy.is_empty(), told, "{:?}", known.numbers);
        }
    }
}
