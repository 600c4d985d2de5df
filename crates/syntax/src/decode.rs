//! From a blob's bytes to text.

mod legacy;
mod marks;
mod utf16;

use memchr::memchr_iter;
use model::{BlobFlags, SkipReason};
use std::borrow::Cow;

/// How large a blob may be to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Largest blob, in bytes of the git object; a larger one is [`SkipReason::TooLarge`].
    pub size_bytes_max: usize,
}

impl Default for DecodeLimits {
    /// 8 MiB.
    fn default() -> Self {
        DecodeLimits { size_bytes_max: 8 << 20 }
    }
}

/// What became of a blob's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// Text, in UTF-8, without a byte order mark. At most three times as long as the input.
    Text {
        /// The text; borrowed from the input where that was UTF-8 already.
        utf8: Cow<'a, str>,
        /// Generated, minified, transcoded.
        flags: BlobFlags,
        /// The name of the encoding the bytes were in: `UTF-8`, `UTF-16LE`, `windows-1252`, `Shift_JIS`, …
        encoding: &'static str,
    },
    /// Not text that we read.
    Skipped(SkipReason),
}

/// Decodes a blob. Never fails: what is not text is [`Decoded::Skipped`].
///
/// UTF-8 is taken as it is. Text with a few bad bytes among valid multi-byte characters stays UTF-8, each bad sequence
/// as U+FFFD. UTF-16 is recognised by its mark or by the shape of its zero bytes; the other encodings are guessed from
/// the bytes. Binary is what has a zero byte in its first 8,000 (as git holds it), the first bytes of a known binary format, or
/// too many control characters.
pub fn decode<'a>(bytes: &'a [u8], limits: &DecodeLimits) -> Decoded<'a> {
    if bytes.len() > limits.size_bytes_max {
        return Decoded::Skipped(SkipReason::TooLarge);
    }
    match to_utf8(bytes) {
        Some((utf8, encoding)) => {
            let mut flags = marks::blob_flags(&utf8);
            if !matches!(utf8, Cow::Borrowed(_)) {
                flags = flags.with(BlobFlags::TRANSCODED);
            }
            Decoded::Text { utf8, flags, encoding }
        }
        None => Decoded::Skipped(SkipReason::Binary),
    }
}

/// The name reported for UTF-8, with or without a mark.
const UTF_8: &str = "UTF-8";

/// How far git looks for a zero byte before it calls a blob binary (`FIRST_FEW_BYTES` in its `xdiff-interface.c`).
/// Looking as far keeps our counts equal to `git grep`'s.
const ZERO_HEAD_BYTES: usize = 8000;

/// How much of a text is sampled for control characters.
const CONTROL_HEAD_BYTES: usize = 4096;

/// The text and its encoding's name; `None` for binary.
fn to_utf8(bytes: &[u8]) -> Option<(Cow<'_, str>, &'static str)> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return utf8_or_legacy(rest);
    }
    if let Some(marked) = utf16::decode_marked(bytes) {
        return marked;
    }
    if marks::has_binary_magic(bytes) {
        return None;
    }
    let head = &bytes[..bytes.len().min(ZERO_HEAD_BYTES)];
    if memchr::memchr(0, head).is_some() {
        return utf16::decode_unmarked(bytes, head);
    }
    utf8_or_legacy(bytes)
}

fn utf8_or_legacy(bytes: &[u8]) -> Option<(Cow<'_, str>, &'static str)> {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            // One byte in ten: escape sequences in terminal recordings and form feeds pass, packed data does not.
            let too_many_controls = n_controls(bytes) * 10 > bytes.len().min(CONTROL_HEAD_BYTES);
            // Past the head a stray zero is a fixture's; many are data's.
            let zeros = bytes.get(ZERO_HEAD_BYTES..).map_or(0, |tail| memchr_iter(0, tail).count());
            if too_many_controls || zeros > bytes.len() / 1024 {
                return None;
            }
            Some(legacy::decode_iso_2022_jp(text).unwrap_or((Cow::Borrowed(text), UTF_8)))
        }
        Err(error) => legacy::decode(bytes, error.valid_up_to()),
    }
}

/// How many control characters that text does not use stand in the head. Tab, line feed, vertical tab, form feed,
/// carriage return, backspace and escape are text's.
fn n_controls(bytes: &[u8]) -> usize {
    let head = &bytes[..bytes.len().min(CONTROL_HEAD_BYTES)];
    head.iter().filter(|byte| is_control(**byte)).count()
}

/// Branch-free, so that counting is vectorised.
fn is_control(byte: u8) -> bool {
    (byte < 8) | ((byte > 13) & (byte < 32) & (byte != 27)) | (byte == 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> (String, &'static str) {
        match decode(bytes, &DecodeLimits::default()) {
            Decoded::Text { utf8, encoding, .. } => (utf8.into_owned(), encoding),
            Decoded::Skipped(reason) => panic!("skipped as {reason}: {:?}", &bytes[..bytes.len().min(40)]),
        }
    }

    #[test]
    fn utf8_is_borrowed() {
        let decoded = decode("naïve\n".as_bytes(), &DecodeLimits::default());
        assert!(
            matches!(decoded, Decoded::Text { utf8: Cow::Borrowed("naïve\n"), flags, .. } if flags == BlobFlags(0))
        );
        assert_eq!(text(b"").0, "");
        assert_eq!(text(b"\xEF\xBB\xBFint x;\n"), ("int x;\n".to_owned(), "UTF-8"));
    }

    #[test]
    fn limits() {
        let limits = DecodeLimits { size_bytes_max: 4 };
        assert_eq!(decode(b"12345", &limits), Decoded::Skipped(SkipReason::TooLarge));
        assert!(matches!(decode(b"1234", &limits), Decoded::Text { .. }));
    }

    #[test]
    fn binaries() {
        let noise: Vec<u8> =
            (0u32..600).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | u8::from(i % 7 == 0)).collect();
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.extend([0; 60]);
        let controls = [1u8, 2, 3, b'a', b'b', b'c'].repeat(100);
        for bytes in [
            &noise[..],
            &elf,
            &controls,
            b"a\0b",
            b"%PDF-1.4\nplain enough\n",
            b"\x1f\x8b\x08abc",
            b"PK\x03\x04abc",
            b"GIF89aabc",
            b"\0",
            &[0xFF; 100],
        ] {
            let decoded = decode(bytes, &DecodeLimits::default());
            assert_eq!(decoded, Decoded::Skipped(SkipReason::Binary), "{:?}", &bytes[..bytes.len().min(20)]);
        }
    }

    #[test]
    fn a_late_zero_is_text_as_git_has_it() {
        let mut late = b"0123456789abcdef\n".repeat(600);
        late.push(0);
        assert_eq!(text(&late).1, "UTF-8");
    }

    #[test]
    fn utf16_with_and_without_mark() {
        let source = "#include <stdio.h>\r\nint main() { return 0; } // größer 日本\r\n";
        let le: Vec<u8> = source.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = source.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(text(&le), (source.to_owned(), "UTF-16LE"));
        assert_eq!(text(&be), (source.to_owned(), "UTF-16BE"));
        assert_eq!(text(&[b"\xFF\xFE", &le[..]].concat()), (source.to_owned(), "UTF-16LE"));
        assert_eq!(text(&[b"\xFE\xFF", &be[..]].concat()), (source.to_owned(), "UTF-16BE"));
    }

    #[test]
    fn utf32_with_mark() {
        let le: Vec<u8> =
            "\u{FEFF}let x = 1;\n".chars().flat_map(|char| (char as u32).to_le_bytes()).collect();
        assert_eq!(text(&le), ("let x = 1;\n".to_owned(), "UTF-32LE"));
    }

    #[test]
    fn legacy_encodings_round_trip() {
        let samples = [
            (
                "windows-1252",
                "/* Jörg Müller schrieb dieses Stück. Größe über alles; cœur, naïve, déjà vu. */\n",
            ),
            (
                "Shift_JIS",
                "// このファイルは設定を読み込みます。エラーの場合は終了します。\nint main(void);\n",
            ),
            ("EUC-JP", "// このファイルは設定を読み込みます。エラーの場合は終了します。\nint main(void);\n"),
            ("GBK", "// 这个文件读取配置，如果出错就退出程序。请不要修改。\nint main(void);\n"),
            ("Big5", "// 這個檔案讀取設定，如果發生錯誤就結束程式。請不要修改。\nint main(void);\n"),
            ("EUC-KR", "// 이 파일은 설정을 읽습니다. 오류가 발생하면 종료합니다.\nint main(void);\n"),
            (
                "windows-1251",
                "// Этот файл читает настройки и завершает работу при ошибке.\nint main(void);\n",
            ),
            ("KOI8-R", "// Этот файл читает настройки и завершает работу при ошибке.\nint main(void);\n"),
        ];
        for (label, source) in samples {
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).expect("a known label");
            let (bytes, _, bad) = encoding.encode(source);
            assert!(!bad);
            let (decoded, name) = text(&bytes);
            assert_eq!(decoded, source, "{label} was read as {name}");
            // KOI8-U is KOI8-R with four more letters.
            assert!(name == label || (name == "KOI8-U" && label == "KOI8-R"), "{label} was named {name}");
        }
    }

    #[test]
    fn one_latin1_name_in_ascii_source() {
        let mut source = b"/*\n * Copyright (C) 1999 J\xF6rg Mayer, Ren\xE9\n */\n".to_vec();
        source.extend(b"int x;\n".repeat(3000));
        let (decoded, encoding) = text(&source);
        assert!(decoded.contains("Jörg Mayer, René"), "{encoding}");
    }

    #[test]
    fn iso_2022_jp() {
        let (bytes, _, _) = encoding_rs::ISO_2022_JP.encode("; 設定ファイル\n(setq x 1)\n");
        assert_eq!(text(&bytes), ("; 設定ファイル\n(setq x 1)\n".to_owned(), "ISO-2022-JP"));
        assert_eq!(text(b"\x1b[31mred\x1b$B\n").1, "UTF-8");
    }

    #[test]
    fn mostly_utf8_stays_utf8() {
        let bytes = ["größer ".as_bytes(), "日本語 ".as_bytes(), b"bad \xFF byte\n"].concat();
        let (decoded, encoding) = text(&bytes);
        assert_eq!((decoded.as_str(), encoding), ("größer 日本語 bad \u{FFFD} byte\n", "UTF-8"));
    }
}
