//! What the TLS library refuses for good.

/// Whether the two sides could not agree on the connection's security: trying again gives the
/// same.
pub fn is_refusal(error: &std::io::Error) -> bool {
    use rustls::Error as Tls;
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Tls>());
    matches!(
        inner,
        Some(
            Tls::InvalidCertificate(_)
                | Tls::AlertReceived(_)
                | Tls::PeerIncompatible(_)
                | Tls::NoCertificatesPresented
                | Tls::UnsupportedNameType
        )
    )
}
