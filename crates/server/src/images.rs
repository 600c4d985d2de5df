//! Images of repositories: which files are some, and how they are sent so that they can be nothing else.
//!
//! SECURITY: a file is an image by its first bytes, whatever it is called. SVG can hold scripts: it is sent in a sandbox without any, and
//! pages show it as an image alone, in which nothing runs.

use axum::http::HeaderValue;

/// For drawings, which hold their styles themselves.
const DRAWING_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/// A kind of image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageKind {
    /// As people call it.
    pub(crate) name: &'static str,
    media_type: &'static str,
}

const SVG: ImageKind = ImageKind { name: "SVG drawing", media_type: "image/svg+xml" };

impl ImageKind {
    /// What kind of image a file is.
    pub(crate) fn of(bytes: &[u8], path: &[u8]) -> Option<Self> {
        let kind = |name, media_type| Some(ImageKind { name, media_type });
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => kind("PNG image", "image/png"),
            [0xff, 0xd8, 0xff, ..] => kind("JPEG image", "image/jpeg"),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => kind("GIF image", "image/gif"),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
                kind("WebP image", "image/webp")
            }
            [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => {
                kind("AVIF image", "image/avif")
            }
            bytes if path.to_ascii_lowercase().ends_with(b".svg") => {
                let text = std::str::from_utf8(bytes).ok()?;
                text.contains("<svg").then_some(SVG)
            }
            _ => None,
        }
    }

    /// Whether it is text, too.
    pub(crate) fn is_drawing(self) -> bool {
        self == SVG
    }

    /// What it is sent as.
    pub(crate) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(self.media_type)
    }

    /// What may come of it.
    pub(crate) fn policy(self) -> HeaderValue {
        HeaderValue::from_static(if self.is_drawing() {
            DRAWING_POLICY
        } else {
            crate::headers::SANDBOX_POLICY
        })
    }
}

/// What a file that is not text seems to be, by its first bytes.
pub(crate) fn binary_kind(bytes: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"%PDF-", "PDF document"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"\x1f\x8b", "gzip archive"),
        (b"BZh", "bzip2 archive"),
        (b"\xfd7zXZ\0", "xz archive"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
        (b"\x28\xb5\x2f\xfd", "Zstandard archive"),
        (b"\x7fELF", "ELF program or library"),
        (b"MZ", "Windows program or library"),
        (b"\xca\xfe\xba\xbe", "Java class or universal Mach-O program"),
        (b"\xcf\xfa\xed\xfe", "Mach-O program or library"),
        (b"\0asm", "WebAssembly module"),
        (b"SQLite format 3\0", "SQLite database"),
        (b"wOFF", "WOFF font"),
        (b"wOF2", "WOFF2 font"),
        (b"OTTO", "OpenType font"),
        (b"\0\x01\0\0\0", "TrueType font"),
        (b"OggS", "Ogg media"),
        (b"ID3", "MP3 audio"),
        (b"fLaC", "FLAC audio"),
        (b"\0\0\x01\0", "Windows icon"),
        (b"BM", "Windows bitmap"),
    ];
    KINDS.iter().find(|(begin, _)| bytes.starts_with(begin)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_bytes() {
        let name = |bytes: &[u8], path: &str| ImageKind::of(bytes, path.as_bytes()).map(|kind| kind.name);
        assert_eq!(name(b"\x89PNG\r\n\x1a\nrest", "a.txt"), Some("PNG image"));
        assert_eq!(name(b"\xff\xd8\xff\xe0", "a"), Some("JPEG image"));
        assert_eq!(name(b"GIF89a", "a"), Some("GIF image"));
        assert_eq!(name(b"RIFF0000WEBPVP8 ", "a"), Some("WebP image"));
        assert_eq!(name(b"\0\0\0\x20ftypavif", "a"), Some("AVIF image"));
        assert_eq!(name(b"<svg onload=alert(1)>", "a.SVG"), Some("SVG drawing"));
        for (bytes, path) in
            [(&b"<html><script>"[..], "a.png"), (b"<svg>", "a.html"), (b"%PDF-1.7", "a.png"), (b"", "a.gif")]
        {
            assert_eq!(name(bytes, path), None, "{path}");
        }
    }
}
