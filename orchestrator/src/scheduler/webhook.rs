//! Signatures of webhooks: HMAC with SHA-256 over the body, in hexadecimal, as many services send it.

use ring::hmac;

/// The signature of a body, as `verify` takes it: `sha256=` and hexadecimal digits.
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

/// Tells whether a signature is that of a body; takes the same time wherever the two differ. `sha256=` may be left out; an empty secret
/// signs nothing.
pub fn verify(secret: &[u8], body: &[u8], signature: &str) -> bool {
    let digits = signature.trim();
    let Some(tag) = bytes_of(digits.strip_prefix("sha256=").unwrap_or(digits)) else { return false };
    !secret.is_empty() && hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), body, &tag).is_ok()
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_rfc_4231_and_of_no_other_body_or_secret() {
        // Test case 2 of RFC 4231.
        let signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let body = b"what do ya want for nothing?";
        assert_eq!(sign(b"Jefe", body), format!("sha256={signature}"));
        assert!(verify(b"Jefe", body, signature) && verify(b"Jefe", body, &sign(b"Jefe", body)));
        assert!(!verify(b"Jefe", b"what do ya want for nothing!", signature));
        assert!(!verify(b"jefe", body, signature));
        for forged in ["", "sha256=", "sha256=zz", "5bdc", &signature[1..], "sha1=5bdc", "é"] {
            assert!(!verify(b"Jefe", body, forged), "{forged}");
        }
        assert!(!verify(b"", body, &sign(b"", body)), "no secret is no protection");
    }
}
