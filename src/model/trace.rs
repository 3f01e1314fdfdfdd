//! The trace of a request, as <https://www.w3.org/TR/trace-context/> has it.

/// The trace that a request belongs to, and its place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// The caller's span, 16 digits; `None` where the trace begins here.
    pub parent_id: Option<String>,
    /// Our own span.
    pub span_id: String,
    /// Whether the caller records it.
    pub sampled: bool,
}

impl Trace {
    /// The trace of a header `traceparent`; a new one where there is none, or one against the rules.
    #[must_use]
    pub fn of(traceparent: Option<&str>) -> Self {
        let span_id = random(8);
        match traceparent.and_then(parse) {
            Some((trace_id, parent_id, sampled)) => Self {
                trace_id,
                parent_id: Some(parent_id),
                span_id,
                sampled,
            },
            None => Self {
                trace_id: random(16),
                parent_id: None,
                span_id,
                sampled: false,
            },
        }
    }

    /// The header that tells of our own span: `00-TRACE-SPAN-FLAGS`.
    #[must_use]
    pub fn header(&self) -> String {
        let flags = u8::from(self.sampled);
        format!("00-{}-{}-{flags:02x}", self.trace_id, self.span_id)
    }
}

/// So many random bytes as hexadecimal digits, not all zero.
fn random(bytes: usize) -> String {
    let mut found = vec![0u8; bytes];
    rand::RngCore::fill_bytes(&mut rand::rng(), &mut found);
    found[0] |= 1;
    found.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Trace, parent and whether it is recorded; `None` for anything against the rules.
fn parse(text: &str) -> Option<(String, String, bool)> {
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_set = |part: &str| part.bytes().any(|b| b != b'0');
    let mut parts = text.splitn(5, '-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let more = parts.next();
    let fits = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || more.is_none())
        && is_hex(trace, 32)
        && is_set(trace)
        && is_hex(parent, 16)
        && is_set(parent)
        && is_hex(flags, 2);
    let flags = u8::from_str_radix(flags, 16).ok().filter(|_| fits)?;
    Some((trace.to_owned(), parent.to_owned(), flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn a_trace_is_taken_by_the_letter() {
        let good = format!("00-{TRACE}-{PARENT}-01");
        assert_eq!(
            parse(&good),
            Some((TRACE.to_owned(), PARENT.to_owned(), true))
        );
        assert!(parse(&format!("cc-{TRACE}-{PARENT}-00-what-comes")).is_some());
        for wrong in [
            String::new(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("0-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-+1"),
            format!(" 00-{TRACE}-{PARENT}-01"),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_given_back_goes_on_with_the_trace_under_a_span_of_its_own() {
        let trace = Trace::of(Some(&format!("00-{TRACE}-{PARENT}-01")));
        assert_eq!(trace.parent_id.as_deref(), Some(PARENT));
        let (taken, parent, sampled) = parse(&trace.header()).unwrap();
        assert_eq!((taken.as_str(), sampled), (TRACE, true));
        assert_ne!(parent, PARENT);
        let own = Trace::of(None);
        assert!(own.parent_id.is_none() && parse(&own.header()).is_some());
    }
}
