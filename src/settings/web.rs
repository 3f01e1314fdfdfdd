//! Web origins, as browsers send them.

/// An origin as browsers write it: scheme, host and a port that is not the scheme's own, in lower
/// case.
///
/// # Errors
/// What it should look like.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    if lower == "*" {
        return Err(
            "* would let every page in the world call; name each origin that may".to_owned(),
        );
    }
    let wrong = || format!("{text:?} is no origin such as https://ops.example.com:8443");
    let (scheme, rest) = lower.split_once("://").ok_or_else(wrong)?;
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return Err(wrong()),
    };
    let host_fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let port_fits = port.is_none_or(|port| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0)
    });
    let brackets = host.starts_with('[') && host.ends_with(']');
    if host.is_empty()
        || !host.chars().all(host_fits)
        || (host.contains(':') && !brackets)
        || !port_fits
    {
        return Err(wrong());
    }
    Ok(lower.strip_suffix(usual).unwrap_or(&lower).to_owned())
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn origins_are_taken_as_browsers_write_them() {
        for (given, taken) in [
            ("https://ops.example.com", "https://ops.example.com"),
            ("HTTPS://Ops.Example.com:443", "https://ops.example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:5173", "http://[::1]:5173"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(origin(given).as_deref(), Ok(taken));
        }
        for wrong in [
            "*",
            "null",
            "ops.example.com",
            "https://",
            "https://a/b",
            "https://a/",
            "https://u@a",
            "https://a:",
            "https://a:0",
            "https://a:99999",
            "https://a:+1",
            "https://a::1",
            "https://*.example.com",
            "ftp://a",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
