//! QR codes, drawn in the page itself.

use qrcodegen::{QrCode, QrCodeEcc};

/// Modules of empty margin that scanners want (ISO/IEC 18004).
const MARGIN: i32 = 4;

/// A QR code as SVG: its size in modules, margin included, and the path of its dark modules.
#[derive(Clone, Debug)]
pub(crate) struct QrPicture {
    /// Width and height.
    pub(crate) size: i32,
    /// The path's data.
    pub(crate) path: String,
}

/// Draws a text; `None` if it is too long for a QR code.
pub(crate) fn draw(text: &str) -> Option<QrPicture> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let start = x;
            while x < code.size() && code.get_module(x, y) {
                x += 1;
            }
            match x - start {
                0 => x += 1,
                length => path.push_str(&format!("M{} {}h{length}v1h-{length}z", start + MARGIN, y + MARGIN)),
            }
        }
    }
    Some(QrPicture { size: code.size() + 2 * MARGIN, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_once() {
        let text = "otpauth://totp/Sourcekeep:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sourcekeep";
        let picture = draw(text).unwrap();
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        assert_eq!(picture.size, code.size() + 8);
        let n_dark = (0..code.size() * code.size())
            .filter(|idx| code.get_module(idx % code.size(), idx / code.size()))
            .count();
        let n_drawn: usize =
            picture.path.split('h').filter_map(|part| part.split('v').next()?.parse::<usize>().ok()).sum();
        assert_eq!(n_drawn, n_dark);
        assert!(draw(&"x".repeat(10_000)).is_none());
    }
}
