//! A refusal for want of a privilege, read for the GRANT that would have prevented it.
//!
//! The servers name account, object and privilege in their message, in English only; what can't be
//! read there gets no advice.

/// The statement that an administrator of the server has to run; `None` when the message does not
/// tell.
pub(super) fn grant(number: u16, message: &str) -> Option<String> {
    let statement = match number {
        // CREATE command denied to user 'u'@'h' for table `d`.`t`
        1142 => {
            let (verb, rest) = message.split_once(" command denied to user ")?;
            let (account, rest) = rest.split_once(" for table ")?;
            // The shadow that a table is loaded into has another name than the table.
            match rest.split_once('.') {
                Some((database, _)) => {
                    format!("GRANT {verb} ON {}.* TO {account}", quoted(database))
                }
                // MySQL tells the table alone.
                None => format!("GRANT {verb} ON DATABASE.* TO {account}, for its database"),
            }
        }
        // Access denied for user 'u'@'h' to database 'd'
        1044 => {
            let (_, rest) = message.split_once("for user ")?;
            let (account, database) = rest.split_once(" to database ")?;
            format!("GRANT ALL ON {}.* TO {account}", quoted(database))
        }
        // Access denied; you need (at least one of) the A or B privilege(s) for this operation
        1227 => {
            let (_, rest) = message.split_once("(at least one of) the ")?;
            let (privileges, _) = rest.split_once(" privilege")?;
            // MariaDB parts them by commas, the least powerful last.
            let one = privileges.rsplit(" or ").next().unwrap_or(privileges);
            let one = one.rsplit(", ").next().unwrap_or(one);
            format!("GRANT {one} ON *.* to the account")
        }
        _ => return None,
    };
    Some(format!("as an administrator of that server: {statement}"))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.trim_matches(['`', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_is_read_from_the_message() {
        for (number, message, statement) in [
            (
                1142,
                "DROP command denied to user 'loc'@'127.0.0.1' for table `shop`.`_dbtaxi_r1_1_4`",
                "GRANT DROP ON `shop`.* TO 'loc'@'127.0.0.1'",
            ),
            (
                1142,
                "CREATE command denied to user 'loc'@'%' for table '_dbtaxi_r1_1_4'",
                "GRANT CREATE ON DATABASE.* TO 'loc'@'%', for its database",
            ),
            (
                1044,
                "Access denied for user 'loc'@'%' to database 'shop'",
                "GRANT ALL ON `shop`.* TO 'loc'@'%'",
            ),
            (
                1227,
                "Access denied; you need (at least one of) the SUPER or PROCESS privilege(s) for \
                 this operation",
                "GRANT PROCESS ON *.* to the account",
            ),
            (
                1227,
                "Access denied; you need (at least one of) the SUPER, SLAVE MONITOR privilege(s) \
                 for this operation",
                "GRANT SLAVE MONITOR ON *.* to the account",
            ),
        ] {
            let hint = grant(number, message).unwrap();
            assert!(hint.ends_with(statement), "{hint}");
        }
        assert_eq!(grant(1142, "refusé"), None);
        assert_eq!(grant(1064, "syntax"), None);
    }
}
