//! Addresses without their secrets, for messages and logs.

use reqwest::Url;

/// A query parameter whose name holds one of these is a secret.
const SECRET: [&str; 7] = ["token", "key", "secret", "password", "passwd", "signature", "auth"];

/// An address in which user, password and secret query values are `***`.
pub(crate) fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Only addresses that cannot have a host refuse this, and they have no user either.
        let _ = shown.set_username("***");
        let _ = shown.set_password(None);
    }
    if url.query().is_some() {
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let is_secret = |name: &str| SECRET.iter().any(|word| name.to_ascii_lowercase().contains(word));
        if pairs.iter().any(|(name, _)| is_secret(name)) {
            let hidden = pairs
                .iter()
                .map(|(name, value)| (name.as_str(), if is_secret(name) { "***" } else { value }));
            shown.query_pairs_mut().clear().extend_pairs(hidden);
        }
    }
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_secret_query_values_are_hidden() {
        let shown = |text: &str| redacted(&Url::parse(text).unwrap());
        assert_eq!(shown("http://me:pass@host/a?x=1&Api_Key=abc"), "http://***@host/a?x=1&Api_Key=***");
        assert_eq!(shown("http://host:8080/metrics?name=a%20b"), "http://host:8080/metrics?name=a%20b");
        assert_eq!(shown("http://host/?token=abc#there"), "http://host/?token=***#there");
    }
}
