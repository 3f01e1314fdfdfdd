//! A certificate of version 1, as old instructions had them made: no extensions, so no names. No
//! library makes them any more; this one takes a certificate apart and signs what is left.

use base64::Engine as _;
use rcgen::{KeyPair, SigningKey};

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// `[0] version` and `[3] extensions` of a certificate.
const LATER: [u8; 2] = [0xa0, 0xa3];

/// The certificate in `pem` as version 1, signed anew by `signer`.
pub fn of(pem: &str, signer: &KeyPair) -> String {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap();
    let (_, certificate, _) = split(&der);
    let (signed, algorithm) = {
        let (_, _, rest) = split(certificate);
        let (_, _, after) = split(rest);
        (
            &certificate[..certificate.len() - rest.len()],
            &rest[..rest.len() - after.len()],
        )
    };
    let (_, mut fields, _) = split(signed);
    let mut kept = Vec::new();
    while !fields.is_empty() {
        let (tag, _, rest) = split(fields);
        if !LATER.contains(&tag) {
            kept.extend_from_slice(&fields[..fields.len() - rest.len()]);
        }
        fields = rest;
    }
    let signed = join(SEQUENCE, &[&kept]);
    let signature = join(BIT_STRING, &[&[0], &signer.sign(&signed).unwrap()]);
    let der = join(SEQUENCE, &[&signed, algorithm, &signature]);
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

/// The first element: its tag, its content, and what comes behind it.
fn split(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (head, length) = match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let bytes = usize::from(long & 0x7f);
            let length = der[2..2 + bytes]
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
            (2 + bytes, length)
        }
    };
    (der[0], &der[head..head + length], &der[head + length..])
}

fn join(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ 0..0x80) => out.push(short),
        _ => {
            let length = u16::try_from(content.len()).unwrap();
            out.push(0x82);
            out.extend(length.to_be_bytes());
        }
    }
    out.extend(content);
    out
}
