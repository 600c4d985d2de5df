//! The style sheet, the modules and the icons, built into the binary.
//!
//! They stand below `/assets/<digest>/`, the digest being over all of them: whoever has one may keep it for ever, and
//! modules find each other by relative names.

use rust_embed::{EmbeddedFile, RustEmbed};
use std::sync::LazyLock;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// The first 16 hexadecimal digits of the digest over every asset's name and content.
pub(crate) static DIGEST: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    // FNV-1a, 64 bits: it tells versions apart, it protects nothing.
    let mut digest = 0xcbf2_9ce4_8422_2325u64;
    for name in names {
        let content = Files::get(&name).map(|file| file.data).unwrap_or_default();
        for byte in name.bytes().chain(content.iter().copied()) {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    format!("{digest:016x}")
});

/// The address of an asset.
pub(crate) fn link(name: &str) -> String {
    format!("/assets/{}/{name}", *DIGEST)
}

/// An asset's content and media type, by the name after the digest.
pub(crate) fn find(name: &str) -> Option<(EmbeddedFile, &'static str)> {
    let media_type = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    Some((Files::get(name)?, media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_a_media_type() {
        for name in Files::iter() {
            assert!(find(&name).is_some(), "{name}");
        }
        assert!(find("../Cargo.toml").is_none() && find("none.css").is_none());
        assert_eq!(DIGEST.len(), 16);
    }
}
