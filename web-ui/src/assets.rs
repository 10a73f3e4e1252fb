//! Style sheet, script and mark, as they are embedded. Their names have a hash of their content, so that a browser may keep them for ever.

use std::sync::LazyLock;

/// A file that pages refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The content.
    pub bytes: &'static [u8],
    /// The value of `ETag`: strong, in its quotes.
    pub etag: &'static str,
    /// The value of `Cache-Control`.
    pub cache_control: &'static str,
}

/// A file with its names.
pub(crate) struct Embedded {
    /// Its address, with the hash.
    pub(crate) url: String,
    etag: String,
    content_type: &'static str,
    bytes: &'static [u8],
}

impl Embedded {
    fn new(stem: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let hash = blake3::hash(bytes).to_hex();
        let hash = &hash[..16];
        Self {
            url: format!("/assets/{stem}-{hash}.{extension}"),
            etag: format!("\"{hash}\""),
            content_type,
            bytes,
        }
    }
}

pub(crate) static STYLE: LazyLock<Embedded> = LazyLock::new(|| {
    Embedded::new("app", "css", "text/css; charset=utf-8", include_bytes!("../assets/app.css"))
});
pub(crate) static SCRIPT: LazyLock<Embedded> = LazyLock::new(|| {
    Embedded::new("app", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/app.js"))
});
pub(crate) static MARK: LazyLock<Embedded> =
    LazyLock::new(|| Embedded::new("mark", "svg", "image/svg+xml", include_bytes!("../assets/mark.svg")));

/// The file of a path such as `/assets/app-HASH.css`; `None` when there is none, also when the hash is an old one.
pub fn asset(path: &str) -> Option<Asset> {
    [&*STYLE, &*SCRIPT, &*MARK].into_iter().find(|file| file.url == path).map(|file| Asset {
        content_type: file.content_type,
        bytes: file.bytes,
        etag: &file.etag,
        cache_control: "public, max-age=31536000, immutable",
    })
}

#[cfg(test)]
mod tests {
    use super::{MARK, SCRIPT, STYLE, asset};

    #[test]
    fn an_asset_is_found_by_the_hash_of_its_content_alone() {
        for file in [&*STYLE, &*SCRIPT, &*MARK] {
            let found = asset(&file.url).expect("it is embedded");
            let hash = found.etag.trim_matches('"');
            assert!(blake3::hash(found.bytes).to_hex().starts_with(hash));
            assert!(file.url.contains(hash));
        }
        for other in ["/assets/app-0000000000000000.css", "/assets/../src/lib.rs", "/assets/", ""] {
            assert_eq!(asset(other), None);
        }
    }
}
