//! Errors of servers and driver, with the class that decides what happens next.

mod classes;

use std::fmt;

use crate::model::error::{ErrorCode, ErrorInfo};

/// What an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Roll back and try again.
    Retry,
    /// The server has to recover first: try again after a wait.
    Wait,
    /// Try again with smaller batches.
    Shrink,
    /// Stop: trying again can't help.
    Stop,
}

/// An error of a server, the driver or the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlError {
    /// Server error number; `None` for driver and network errors.
    pub number: Option<u16>,
    /// What it means to us.
    pub code: ErrorCode,
    /// What happens next.
    pub class: ErrorClass,
    /// The server's or driver's words.
    pub message: String,
    /// The endpoint it came from.
    pub server: String,
    /// What to do, where we know.
    pub hint: Option<String>,
}

impl MysqlError {
    /// An error of our own set-up of a session.
    pub fn setup(message: impl Into<String>) -> Self {
        Self::own(ErrorCode::Unsupported, ErrorClass::Stop, message)
    }

    /// An error that this program raises about a server.
    pub fn own(code: ErrorCode, class: ErrorClass, message: impl Into<String>) -> Self {
        Self {
            number: None,
            code,
            class,
            message: message.into(),
            server: String::new(),
            hint: None,
        }
    }

    /// The connection broke or was given up.
    pub fn lost(message: impl Into<String>) -> Self {
        Self::own(ErrorCode::ConnectionLost, ErrorClass::Wait, message)
    }

    /// The same from a named endpoint.
    #[must_use]
    pub fn at(mut self, server: &str) -> Self {
        if self.server.is_empty() {
            server.clone_into(&mut self.server);
        }
        self
    }

    /// Drops the server's words where they may repeat a value of a row.
    pub(super) fn hide_values(&mut self) {
        let may_repeat = matches!(
            self.code,
            ErrorCode::ValueRejected | ErrorCode::Internal | ErrorCode::DuplicateKey
        );
        if self.number.is_some() && may_repeat {
            "the server refused a value of a table with masked columns; its words could repeat the value and are not shown"
                .clone_into(&mut self.message);
        }
    }

    /// Whether the connection can't be used any more.
    #[must_use]
    pub fn is_connection_lost(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::ConnectionLost | ErrorCode::Unreachable
        )
    }

    /// Whether the account may not do what was asked.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.number, Some(1044 | 1045 | 1142 | 1227))
    }

    /// Whether the server could not be reached or refused the login.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::ConnectionLost | ErrorCode::Unreachable
        ) || matches!(
            self.number,
            Some(1040 | 1044 | 1045 | 1129 | 1130 | 1203 | 1698 | 3118 | 3159)
        )
    }

    pub(super) fn from_driver(error: mysql_async::Error, server: &str) -> Self {
        use mysql_async::{DriverError, Error};
        let mut out = match error {
            Error::Server(e) => Self::from_server(e.code, e.message),
            Error::Driver(DriverError::PacketTooLarge) => Self {
                hint: Some("raise max_allowed_packet on the server".to_owned()),
                ..Self::own(
                    ErrorCode::PacketTooLarge,
                    ErrorClass::Shrink,
                    "a packet is larger than max_allowed_packet",
                )
            },
            Error::Driver(DriverError::NoClientSslFlagFromServer) => Self::own(
                ErrorCode::Unreachable,
                ErrorClass::Stop,
                "the server offers no TLS",
            ),
            Error::Driver(DriverError::UnknownAuthPlugin { name }) => Self::own(
                ErrorCode::AccessDenied,
                ErrorClass::Stop,
                format!(
                    "access denied: the server asks for the unknown authentication plugin {name}"
                ),
            ),
            Error::Io(mysql_async::IoError::Tls(e)) => Self::own(
                ErrorCode::Unreachable,
                ErrorClass::Stop,
                format!("TLS: {e}"),
            ),
            Error::Io(mysql_async::IoError::Io(e)) if super::tls::refusal::is_refusal(&e) => {
                Self::own(
                    ErrorCode::Unreachable,
                    ErrorClass::Stop,
                    format!("TLS: {e}"),
                )
            }
            Error::Io(e) => Self::lost(e.to_string().trim_start_matches("Input/output error: ")),
            Error::Driver(
                e @ (DriverError::ConnectionClosed
                | DriverError::PacketOutOfOrder
                | DriverError::UnexpectedPacket { .. }
                | DriverError::LocalInfile(_)),
            ) => Self::lost(e.to_string()),
            other => Self::own(ErrorCode::Internal, ErrorClass::Stop, shown(&other)),
        };
        server.clone_into(&mut out.server);
        out
    }

    /// The same for a statement on a connection that was open: one that broke under it is told as
    /// the server's own programs tell it (2006, 2013).
    pub(super) fn of_statement(error: mysql_async::Error, server: &str) -> Self {
        let mut out = Self::from_driver(error, server);
        if out.number.is_none() && out.code == ErrorCode::ConnectionLost {
            out.message = format!("the connection to the server was lost: {}", out.message);
            out.hint = classes::find(2013).map(|known| known.remedy.to_owned());
        }
        out
    }

    /// The class of a server's error number.
    #[must_use]
    pub fn from_server(number: u16, message: String) -> Self {
        let known = classes::of(number, &message);
        let hint = known
            .map(|known| known.remedy)
            .filter(|remedy| !remedy.is_empty())
            .map(str::to_owned)
            .or_else(|| super::denied::grant(number, &message));
        let (code, class) = known.map_or((ErrorCode::Internal, ErrorClass::Stop), |known| {
            (known.code, known.class)
        });
        Self {
            number: Some(number),
            code,
            class,
            message,
            server: String::new(),
            hint,
        }
    }

    /// What failed, why, and what to do, in one sentence.
    #[must_use]
    pub fn advised(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{self}: {hint}"),
            None => self.to_string(),
        }
    }

    /// The error as a job or table shows it.
    #[must_use]
    pub fn info(&self) -> ErrorInfo {
        let mut info = ErrorInfo::new(self.code, self.to_string());
        info.hint = self.hint.clone().or_else(|| match self.code {
            ErrorCode::AccessDenied => {
                Some("see which privileges are missing with `db-taxi connections test`".to_owned())
            }
            ErrorCode::ConnectionLost => classes::find(2013).map(|known| known.remedy.to_owned()),
            _ => None,
        });
        info.transient = self.class != ErrorClass::Stop;
        info
    }
}

/// The driver's message without values of rows in it.
fn shown(error: &mysql_async::Error) -> String {
    match error {
        mysql_async::Error::Driver(mysql_async::DriverError::FromValue { .. }) => {
            "a value has an unexpected type".to_owned()
        }
        mysql_async::Error::Driver(mysql_async::DriverError::FromRow { .. }) => {
            "a row has an unexpected shape".to_owned()
        }
        other => other.to_string(),
    }
}

impl fmt::Display for MysqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.server.is_empty() {
            write!(f, "{}: ", self.server)?;
        }
        f.write_str(&self.message)?;
        if let Some(number) = self.number {
            write!(f, " ({number})")?;
        }
        Ok(())
    }
}

impl std::error::Error for MysqlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_errors() {
        for (numbers, class) in [
            (&[1205, 1213, 1412][..], ErrorClass::Retry),
            (&[1040, 1290, 1836, 2006, 2013][..], ErrorClass::Wait),
            (&[1153][..], ErrorClass::Shrink),
            (
                &[1114, 1142, 1146, 1049, 1045, 1366, 1406, 1264, 1062, 3988][..],
                ErrorClass::Stop,
            ),
        ] {
            for number in numbers {
                assert_eq!(
                    MysqlError::from_server(*number, String::new()).class,
                    class,
                    "{number}"
                );
            }
        }
    }
}
