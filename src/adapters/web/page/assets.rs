//! The files beside the page: they are part of the binary, and their addresses change with their
//! content.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use sha2::{Digest as _, Sha256};

use super::chart;
use super::html::Value;

/// What has the version in its address is never another content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A file that the page names.
#[derive(Debug)]
pub(super) struct Asset {
    name: &'static str,
    media_type: &'static str,
    pub(super) content: String,
    /// Follows from the content.
    version: String,
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = [include_str!("style.css"), chart::STYLE].concat();
    Asset::new("style.css", "text/css; charset=utf-8", content)
});

pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("script.js", "text/javascript; charset=utf-8", include_str!("script.js").to_owned())
});

pub(super) static FAVICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("favicon.svg", "image/svg+xml", include_str!("favicon.svg").to_owned()));

impl Asset {
    fn new(name: &'static str, media_type: &'static str, content: String) -> Self {
        let hash = Sha256::digest(&content);
        let version = hash.iter().take(6).fold(String::new(), |mut text, byte| {
            // Writing to a text cannot fail.
            _ = write!(text, "{byte:02x}");
            text
        });
        Self { name, media_type, content, version }
    }

    /// Where the page finds it: beside itself, so that a proxy may serve both under another path.
    pub(super) fn address(&self) -> Value {
        Value(format!("{}?v={}", self.name, self.version))
    }

    /// Its address without the version may have another content tomorrow.
    pub(super) fn answer(&'static self, query: Option<&str>) -> impl IntoResponse + use<> {
        let is_of_version = query.and_then(|query| query.strip_prefix("v=")) == Some(&*self.version);
        let caching = if is_of_version { FOR_EVER } else { "no-cache" };
        ([(header::CONTENT_TYPE, self.media_type), (header::CACHE_CONTROL, caching)], &*self.content)
    }
}
